import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { createDatabase } from '../test/database.ts'
import { openDatabase, raw, sql } from './database/database.ts'
import { purge } from './purge.ts'

const db = openDatabase(await createDatabase(), { connections: 4, onError: () => {} })
after(() => db.close())

const [account] = await db.query<{ id: string }>(sql`
  insert into accounts (email, email_canonical, password_hash)
  values ('ada@example.org', 'ada@example.org', 'none') returning id`)
const ada = account?.id

beforeEach(() => db.query(sql`truncate outbox, reset_links, sessions, account_history, rate_limits`))

test('mails go 30 days after they closed, those without recipient after a day, and those that wait never', async () => {
  await db.query(sql`
    insert into outbox (kind, address, locale, support_code, state, created_at, closed_at)
    select 'reset-password', code, 'en', code, state, now() - interval '1 year', now() - age::interval
    from (values
      ('old', 'sent', '30 days 1 minute'), ('new', 'sent', '29 days 23 hours'),
      ('failed', 'failed', '30 days 1 minute'), ('held', 'held', '30 days 1 minute'),
      ('nobody', 'no recipient', '24 hours 1 minute'), ('nobody-new', 'no recipient', '23 hours'),
      ('waits', 'queued', null), ('waits-on', 'deferred', null)
    ) as mails (code, state, age)`)
  await purge(db)
  assert.deepEqual(await left('select support_code as name from outbox'), ['new', 'nobody-new', 'waits', 'waits-on'])
})

test('links go 30 days after their end of life', async () => {
  await db.query(sql`
    insert into reset_links (token_hash, account_id, mail_id, expires_at)
    select convert_to(name, 'UTF8'), ${ada}, gen_random_uuid(), now() - age::interval
    from (values ('old', '30 days 1 minute'), ('told', '29 days 23 hours'), ('live', '-1 hour')) as links (name, age)`)
  await purge(db)
  assert.deepEqual(await left("select convert_from(token_hash, 'UTF8') as name from reset_links"), ['live', 'told'])
})

test('sessions go 30 days after they ended or expired', async () => {
  await db.query(sql`
    insert into sessions (account_id, device, expires_at, ended_at)
    select ${ada}, name, now() - expired::interval, now() - ended::interval
    from (values
      ('expired', '30 days 1 minute', null), ('ended', '-1 day', '30 days 1 minute'),
      ('lately', '-1 day', '29 days 23 hours'), ('live', '-1 day', null)
    ) as sessions (name, expired, ended)`)
  await purge(db)
  assert.deepEqual(await left('select device as name from sessions'), ['lately', 'live'])
})

test('history goes after a year, and counters when they lapse', async () => {
  await db.query(sql`
    insert into account_history (account_id, event, at)
    select ${ada}, name, now() - age::interval
    from (values ('old', '1 year 1 day'), ('new', '11 months')) as events (name, age)`)
  await db.query(sql`
    insert into rate_limits (key, expires_at)
    select name, now() - age::interval
    from (values ('lapsed', '1 minute'), ('counting', '-1 minute')) as counters (name, age)`)
  await purge(db)
  assert.deepEqual(await left('select event as name from account_history'), ['new'])
  assert.deepEqual(await left('select key as name from rate_limits'), ['counting'])
})

test('deleted movies go when nobody can put them back any more', async () => {
  await db.query(sql`
    insert into deleted_movies (id, name, casts, genres, added_by, created_at, deleted_at)
    select row_number() over (), name, '{Somebody}', '{Drama}', ${ada}, now(), now() - age::interval
    from (values ('late', '61 seconds'), ('in time', '30 seconds')) as movies (name, age)`)
  await purge(db)
  assert.deepEqual(await left('select name from deleted_movies'), ['in time'])
})

test('more rows than one turn deletes go all the same', async () => {
  await db.query(sql`
    insert into rate_limits (key, expires_at) select 'counter-' || n, '-infinity' from generate_series(1, 2500) as n`)
  await purge(db)
  assert.deepEqual(await left('select key as name from rate_limits'), [])
})

test('while one process purges, another leaves it to that one', async () => {
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
