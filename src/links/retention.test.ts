import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { openDatabase, sql } from '../database/database.ts'
import { deleteOldLinks } from './retention.ts'

const db = openDatabase(await createDatabase(), { connections: 2, onError: () => {} })
after(() => db.close())

test('links go 30 days after they expired', async () => {
  await db.query(sql`
    with ada as (
      insert into accounts (email, email_canonical) values ('ada@example.org', 'ada@example.org') returning id)
    insert into links (token_hash, purpose, account_id, mail_id, expires_at)
    select convert_to(name, 'UTF8'), 'reset-password', ada.id, gen_random_uuid(), now() - age::interval
    from ada, (values ('old', '30 days 1 minute'), ('new', '29 days 23 hours'), ('live', '-1 hour')) as links (name, age)`)
  await db.query(deleteOldLinks(1000))
  const left = await db.query<{ name: string }>(sql`
    select convert_from(token_hash, 'UTF8') as name from links order by name`)
  assert.deepEqual(
    left.map(({ name }) => name),
    ['live', 'new'],
  )
})
