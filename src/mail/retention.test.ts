import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, sql } from '../database/database.ts'
import { deleteClosedMails } from './retention.ts'

const db = openDatabase(await createDatabase(), { connections: 2, onError: () => {} })
after(() => db.close())

test('mails go 30 days after they closed, those of no account after a day, and queued ones never', async () => {
  const account = '00000000-0000-4000-8000-000000000001'
  await db.query(sql`
    insert into accounts (id, email, email_canonical) values (${account}, 'ada@example.org', 'ada@example.org')`)
  await db.query(sql`
    insert into outbox (kind, account_id, email, support_code, state, created_at, closed_at)
    select 'reset-password', case when not starts_with(code, 'unknown') then ${account}::uuid end, code, code, state,
      now() - interval '1 year', now() - age::interval
    from (values
      ('old', 'sent', '30 days 1 minute'), ('new', 'sent', '29 days 23 hours'),
      ('failed', 'failed', '30 days 1 minute'), ('suppressed', 'suppressed', '30 days 1 minute'),
      ('unknown', 'no recipient', '24 hours 1 minute'), ('unknown-sent', 'sent', '24 hours 1 minute'), ('unknown-new', 'no recipient', '23 hours'),
      ('queued', 'queued', null), ('deferred', 'deferred', null)
    ) as mails (code, state, age)`)
  await db.query(deleteClosedMails(1000))
  const left = await db.query<{ code: string }>(sql`select support_code as code from outbox order by code`)
  assert.deepEqual(
    left.map(({ code }) => code),
    ['deferred', 'new', 'queued', 'unknown-new'],
  )
})
