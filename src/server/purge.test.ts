import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, raw, sql } from '../database/database.ts'
import { purge } from './purge.ts'

const db = openDatabase(await createDatabase(), { connections: 4, onError: () => {} })
after(() => db.close())

const [account] = await db.query<{ id: string }>(sql`
  insert into accounts (email, email_canonical, password_hash)
  values ('ada@example.org', 'ada@example.org', 'none') returning id`)
const ada = account?.id

beforeEach(() => db.query(sql`truncate outbox, links, sessions, audit_history, rate_limits`))

test('mails go 30 days after they closed, those without recipient after a day, and those that wait never', async () => {
  await db.query(sql`
    insert into outbox (kind, email, locale, support_code, state, created_at, closed_at)
    select 'reset-password', code, 'en', code, state, now() - interval '1 year', now() - age::interval
    from (values
      ('old', 'sent', '30 days 1 minute'), ('new', 'sent', '29 days 23 hours'),
      ('failed', 'failed', '30 days 1 minute'), ('suppressed', 'suppressed', '30 days 1 minute'),
      ('nobody', 'no recipient', '24 hours 1 minute'), ('nobody-new', 'no recipient', '23 hours'),
      ('waits', 'queued', null), ('waits-on', 'deferred', null)
    ) as mails (code, state, age)`)
  await purge(db)
  assert.deepEqual(await left('select support_code as name from outbox'), ['new', 'nobody-new', 'waits', 'waits-on'])
})

test('links go 30 days after their end of life', async () => {
  await db.query(sql`
    insert into links (token_hash, purpose, account_id, mail_id, expires_at)
    select convert_to(name, 'UTF8'), 'reset-password', ${ada}, gen_random_uuid(), now() - age::interval
    from (values ('old', '30 days 1 minute'), ('told', '29 days 23 hours'), ('live', '-1 hour')) as links (name, age)`)
  await purge(db)
  assert.deepEqual(await left("select convert_from(token_hash, 'UTF8') as name from links"), ['live', 'told'])
})

test('sessions go 30 days after they ended or expired', async () => {
  await db.query(sql`
    insert into sessions (account_id, ip_address, expires_at, ended_at)
    select ${ada}, name, now() - expired::interval, now() - ended::interval
    from (values
      ('expired', '30 days 1 minute', null), ('ended', '-1 day', '30 days 1 minute'),
      ('lately', '-1 day', '29 days 23 hours'), ('live', '-1 day', null)
    ) as sessions (name, expired, ended)`)
  await purge(db)
  assert.deepEqual(await left('select ip_address as name from sessions'), ['lately', 'live'])
})

test('history goes after a year, and counters when they lapse', async () => {
  await db.query(sql`
    insert into audit_history (account_id, event, at)
    select ${ada}, name, now() - age::interval
    from (values ('old', '1 year 1 day'), ('new', '11 months')) as events (name, age)`)
  await db.query(sql`
    insert into rate_limits (key, expires_at)
    select name, now() - age::interval
    from (values ('lapsed', '1 minute'), ('counting', '-1 minute')) as counters (name, age)`)
  await purge(db)
  assert.deepEqual(await left('select event as name from audit_history'), ['new'])
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

test('changes of address go 30 days after they could be undone', async () => {
  await db.query(sql`
    insert into email_changes (account_id, old_email, old_email_canonical, changed_at, undo_until)
    select ${ada}, name, name, now() - changed::interval, now() - changed::interval + interval '7 days'
    from (values ('old', '37 days 1 hour'), ('late', '36 days 23 hours'), ('live', '1 day')) as changes (name, changed)`)
  await purge(db)
  assert.deepEqual(await left('select old_email as name from email_changes'), ['late', 'live'])
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

test('any number of movies goes with the account that is due, in pieces', async () => {
  const [grace] = await db.query<{ id: string }>(sql`
    insert into accounts (email, email_canonical, delete_at, delete_movies)
    values ('grace@example.org', 'grace@example.org', now(), true) returning id`)
  await db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Movie ' || n, '{Somebody}', '{Drama}', case when n <= 2500 then ${grace?.id}::uuid else ${ada}::uuid end
    from generate_series(1, 2501) as n`)
  await db.query(sql`
    create function refuse() returns trigger language plpgsql as
    'begin if (select count(*) > 1000 from gone) then raise exception ''too many''; end if; return null; end'`)
  await db.query(sql`
    create trigger refuse after delete on movies referencing old table as gone execute function refuse()`)
  await purge(db)
  assert.deepEqual(await left('select email as name from accounts'), ['ada@example.org'])
  assert.deepEqual(await left('select name from movies'), ['Movie 2501'])
})

test('an account that cannot be deleted keeps its movies, and keeps nothing else from being purged', async () => {
  await db.query(sql`
    insert into accounts (email, email_canonical, delete_at, delete_movies)
    select name, name, now(), true from unnest(array['alan', 'barbara', 'edsger']) as name`)
  await db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'By ' || email, '{Somebody}', '{Drama}', id from accounts where delete_movies`)
  await db.query(sql`insert into rate_limits (key, expires_at) values ('lapsed', '-infinity')`)
  await db.query(sql`
    create function fail() returns trigger language plpgsql as 'begin raise exception ''half way''; end'`)
  await db.query(sql`
    create trigger fail before delete on accounts for each row when (old.email = 'barbara') execute function fail()`)
  await assert.rejects(purge(db), ({ errors }) => errors.length === 1 && errors[0].message === 'half way')
  assert.deepEqual(await left('select key as name from rate_limits'), [])
  assert.deepEqual(await left('select email as name from accounts where delete_movies'), ['barbara'])
  assert.deepEqual(await left(`select name from movies where name like 'By %'`), ['By barbara'])

  await db.query(sql`drop trigger fail on accounts`)
  await purge(db)
  assert.deepEqual(await left(`select name from movies where name like 'By %'`), [])
})

async function left(text: string): Promise<string[]> {
  const rows = await db.query<{ name: string }>(raw(text))
  return rows.map(({ name }) => name).toSorted()
}
