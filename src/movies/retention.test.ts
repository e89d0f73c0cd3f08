import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, sql } from '../database/database.ts'
import { deleteUnrestorableMovies } from './retention.ts'

const db = openDatabase(await createDatabase(), { connections: 2, onError: () => {} })
after(() => db.close())

test('deleted movies go when they can no longer be restored', async () => {
  await db.query(sql`
    with ada as (
      insert into accounts (email, email_canonical) values ('ada@example.org', 'ada@example.org') returning id)
    insert into deleted_movies (id, name, casts, genres, added_by, created_at, deleted_at)
    select row_number() over (), name, '{Brigitte Helm}', '{Drama}', ada.id, now(), now() - age::interval
    from ada, (values ('late', '61 seconds'), ('in time', '30 seconds')) as movies (name, age)`)
  await db.query(deleteUnrestorableMovies(1000))
  assert.deepEqual(await db.query(sql`select name from deleted_movies`), [{ name: 'in time' }])
})
