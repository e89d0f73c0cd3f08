import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, raw, sql } from '../database/database.ts'
import { purge } from './purge.ts'

const db = openDatabase(await createDatabase(), { connections: 4, onError: () => {} })
after(() => db.close())

const [account] = await db.query<{ id: string }>(sql`
  insert into accounts (email, email_canonical, password_hash)
  values ('ada@example.org', 'ada@example.org', 'none') returning id`)
const ada = account?.id

test('every table with a retention is purged', async () => {
  await db.query(sql`
    insert into outbox (kind, email, support_code, state, closed_at)
    values ('reset-password', 'ada@example.org', 'AAAAAA', 'sent', '-infinity')`)
  await db.query(sql`
    insert into links (token_hash, purpose, account_id, expires_at) values ('old', 'verify-email', ${ada}, '-infinity')`)
  await db.query(sql`insert into sessions (account_id, expires_at) values (${ada}, '-infinity')`)
  await db.query(sql`
    insert into known_browsers (account_id, token_hash, last_used_at) values (${ada}, 'old', '-infinity')`)
  await db.query(sql`
    insert into email_changes (account_id, old_email, old_email_canonical, undo_until) values (${ada}, 'a', 'a', '-infinity')`)
  await db.query(sql`insert into audit_history (account_id, event, at) values (${ada}, 'signed up', '-infinity')`)
  await db.query(sql`
    insert into deleted_movies (id, name, casts, genres, added_by, created_at, deleted_at)
    values (1, 'Metropolis', '{Brigitte Helm}', '{Drama}', ${ada}, now(), '-infinity')`)
  await db.query(sql`insert into rate_limits (key, expires_at) values ('lapsed', '-infinity')`)
  await db.query(sql`
    insert into wrong_passwords (subject_hash, caller_hash, last_at) values ('old', '', '-infinity')`)
  await purge(db)
  for (const table of purged) assert.deepEqual(await left(`select '${table}' as name from ${table}`), [], table)
})

const purged = [
  'outbox',
  'links',
  'sessions',
  'known_browsers',
  'email_changes',
  'audit_history',
  'deleted_movies',
  'rate_limits',
  'wrong_passwords',
]

test('a row that is being renewed stays, and the purge does not wait for it', async () => {
  await db.query(sql`
    insert into known_browsers (account_id, token_hash, last_used_at) values (${ada}, 'in use', '-infinity')`)
  await db.query(sql`
    insert into wrong_passwords (subject_hash, caller_hash, last_at) values ('guessing', '', '-infinity')`)
  await db.transaction(async (tx) => {
    await tx.query(sql`update known_browsers set last_used_at = now()`)
    await tx.query(sql`update wrong_passwords set last_at = now()`)
    await purge(db)
  })
  assert.deepEqual(await left(`select encode(token_hash, 'escape') as name from known_browsers`), ['in use'])
  assert.deepEqual(await left(`select encode(subject_hash, 'escape') as name from wrong_passwords`), ['guessing'])
})

test('any number of rows is purged, in batches', async () => {
  await db.query(sql`
    insert into rate_limits (key, expires_at) select 'counter-' || n, '-infinity' from generate_series(1, 2500) as n`)
  await purge(db)
  assert.deepEqual(await left('select key as name from rate_limits'), [])
})

test('only one process purges at a time', async () => {
  const lapsed = sql`insert into rate_limits (key, expires_at) values ('lapsed', '-infinity')`
  await db.query(lapsed)
  await db.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(hashtext('movie-bag purge'))`)
    await purge(db)
    assert.deepEqual(await left('select key as name from rate_limits'), ['lapsed'])
  })
  await purge(db)
  assert.deepEqual(await left('select key as name from rate_limits'), [])
})

async function left(text: string): Promise<string[]> {
  const rows = await db.query<{ name: string }>(raw(text))
  return rows.map(({ name }) => name).toSorted()
}
