import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, sql } from '../database/database.ts'
import { deleteOldFailures } from './retention.ts'

const db = openDatabase(await createDatabase(), { connections: 2, onError: () => {} })
after(() => db.close())

test('wrong passwords are forgotten a day after the last one', async () => {
  await db.query(sql`
    insert into wrong_passwords (subject_hash, caller_hash, last_at)
    select convert_to(name, 'UTF8'), '', now() - age::interval
    from (values ('old', '1 day 1 minute'), ('new', '23 hours')) as failures (name, age)`)
  await db.query(deleteOldFailures(1000))
  const left = await db.query<{ name: string }>(
    sql`select convert_from(subject_hash, 'UTF8') as name from wrong_passwords`,
  )
  assert.deepEqual(left, [{ name: 'new' }])
})
