import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, raw, sql } from '../database/database.ts'
import { eraseDueAccounts } from './retention.ts'

const db = openDatabase(await createDatabase(), { connections: 4, onError: () => {} })
after(() => db.close())

const [account] = await db.query<{ id: string }>(sql`
  insert into accounts (email, email_canonical, password_hash)
  values ('ada@example.org', 'ada@example.org', 'none') returning id`)
const ada = account?.id

test('the movies of an account that is due are deleted with it, in batches', async () => {
  const [grace] = await db.query<{ id: string }>(sql`
    insert into accounts (email, email_canonical, delete_at, delete_movies)
    values ('grace@example.org', 'grace@example.org', now(), true) returning id`)
  await db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Movie ' || n, '{Brigitte Helm}', '{Drama}', case when n <= 2500 then ${grace?.id}::uuid else ${ada}::uuid end
    from generate_series(1, 2501) as n`)
  await db.query(sql`
    create function refuse() returns trigger language plpgsql as
    'begin if (select count(*) > 1000 from gone) then raise exception ''too many''; end if; return null; end'`)
  await db.query(sql`
    create trigger refuse after delete on movies referencing old table as gone execute function refuse()`)
  await eraseDueAccounts(db)
  assert.deepEqual(await left('select email as name from accounts'), ['ada@example.org'])
  assert.deepEqual(await left('select name from movies'), ['Movie 2501'])
})

test('an account that cannot be deleted keeps its movies, and the others are deleted', async () => {
  await db.query(sql`
    insert into accounts (email, email_canonical, delete_at, delete_movies)
    select name, name, now(), true from unnest(array['alan', 'barbara', 'edsger']) as name`)
  await db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'By ' || email, '{Brigitte Helm}', '{Drama}', id from accounts where delete_movies`)
  await db.query(sql`
    create function fail() returns trigger language plpgsql as 'begin raise exception ''half way''; end'`)
  await db.query(sql`
    create trigger fail before delete on accounts for each row when (old.email = 'barbara') execute function fail()`)
  await assert.rejects(eraseDueAccounts(db), ({ errors }) => errors.length === 1 && errors[0].message === 'half way')
  assert.deepEqual(await left('select email as name from accounts where delete_movies'), ['barbara'])
  assert.deepEqual(await left(`select name from movies where name like 'By %'`), ['By barbara'])

  await db.query(sql`drop trigger fail on accounts`)
  await eraseDueAccounts(db)
  assert.deepEqual(await left(`select name from movies where name like 'By %'`), [])
})

async function left(text: string): Promise<string[]> {
  const rows = await db.query<{ name: string }>(raw(text))
  return rows.map(({ name }) => name).toSorted()
}
