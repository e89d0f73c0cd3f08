import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, sql } from '../database/database.ts'
import { deleteClosedMails } from './retention.ts'

const db = openDatabase(await createDatabase(), { connections: 2, onError: () => {} })
after(() => db.close())

test('mails go 30 days after they closed, those without recipient after a day, and queued ones never', async () => {
  await db.query(sql`
    insert into outbox (kind, email, support_code, state, created_at, closed_at)
    select 'reset-password', code, code, state, now() - interval '1 year', now() - age::interval
    from (values
      ('old', 'sent', '30 days 1 minute'), ('new', 'sent', '29 days 23 hours'),
      ('failed', 'failed', '30 days 1 minute'), ('suppressed', 'suppressed', '30 days 1 minute'),
      ('unknown', 'no recipient', '24 hours 1 minute'), ('unknown-new', 'no recipient', '23 hours'),
      ('queued', 'queued', null), ('deferred', 'deferred', null)
    ) as mails (code, state, age)`)
  await db.query(deleteClosedMails(1000))
  const left = await db.query<{ code: string }>(sql`select support_code as code from outbox order by code`)
  assert.deepEqual(
    left.map(({ code }) => code),
    ['deferred', 'new', 'queued', 'unknown-new'],
  )
})
