import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, sql } from '../database/database.ts'
import { deleteOldSessions, deleteUnusedBrowsers } from './retention.ts'

const db = openDatabase(await createDatabase(), { connections: 2, onError: () => {} })
after(() => db.close())

await db.query(sql`insert into accounts (email, email_canonical) values ('ada@example.org', 'ada@example.org')`)

test('sessions go 30 days after they ended or expired', async () => {
  await db.query(sql`
    insert into sessions (account_id, ip_address, expires_at, ended_at)
    select accounts.id, name, now() - expired::interval, now() - ended::interval
    from accounts, (values
      ('expired', '30 days 1 minute', null), ('ended', '-1 day', '30 days 1 minute'),
      ('lately', '-1 day', '29 days 23 hours'), ('live', '-1 day', null)
    ) as sessions (name, expired, ended)`)
  await db.query(deleteOldSessions(1000))
  const left = await db.query<{ name: string }>(sql`select ip_address as name from sessions order by name`)
  assert.deepEqual(
    left.map(({ name }) => name),
    ['lately', 'live'],
  )
})

test('known browsers go 400 days after their last login', async () => {
  await db.query(sql`
    insert into known_browsers (account_id, token_hash, last_used_at)
    select accounts.id, convert_to(name, 'UTF8'), now() - age::interval
    from accounts, (values ('old', '400 days 1 minute'), ('new', '399 days 23 hours')) as browsers (name, age)`)
  await db.query(deleteUnusedBrowsers(1000))
  const left = await db.query<{ name: string }>(
    sql`select convert_from(token_hash, 'UTF8') as name from known_browsers`,
  )
  assert.deepEqual(left, [{ name: 'new' }])
})
