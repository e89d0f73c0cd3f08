import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, sql } from '../database/database.ts'
import { deleteLapsedCounts } from './retention.ts'

const db = openDatabase(await createDatabase(), { connections: 2, onError: () => {} })
after(() => db.close())

test('counts of rate limits go when they lapse', async () => {
  await db.query(sql`
    insert into rate_limits (key, expires_at)
    select name, now() - age::interval
    from (values ('lapsed', '1 minute'), ('counting', '-1 minute')) as counts (name, age)`)
  await db.query(deleteLapsedCounts(1000))
  assert.deepEqual(await db.query(sql`select key from rate_limits`), [{ key: 'counting' }])
})
