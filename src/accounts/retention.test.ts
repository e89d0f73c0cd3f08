import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, sql } from '../database/database.ts'
import { deleteOldEmailChanges, deleteOldEvents } from './retention.ts'

const db = openDatabase(await createDatabase(), { connections: 2, onError: () => {} })
after(() => db.close())

await db.query(sql`insert into accounts (email, email_canonical) values ('ada@example.org', 'ada@example.org')`)

test('the audit history goes after a year', async () => {
  await db.query(sql`
    insert into audit_history (account_id, event, at)
    select accounts.id, name, now() - age::interval
    from accounts, (values ('old', '1 year 1 day'), ('new', '11 months')) as events (name, age)`)
  await db.query(deleteOldEvents(1000))
  assert.deepEqual(await db.query(sql`select event as name from audit_history`), [{ name: 'new' }])
})

test('email changes go 30 days after they could be undone', async () => {
  await db.query(sql`
    insert into email_changes (account_id, old_email, old_email_canonical, changed_at, undo_until)
    select accounts.id, name, name, now() - changed::interval, now() - changed::interval + interval '7 days'
    from accounts, (values
      ('old', '37 days 1 hour'), ('late', '36 days 23 hours'), ('live', '1 day')) as changes (name, changed)`)
  await db.query(deleteOldEmailChanges(1000))
  const left = await db.query<{ name: string }>(sql`select old_email as name from email_changes order by name`)
  assert.deepEqual(
    left.map(({ name }) => name),
    ['late', 'live'],
  )
})
