import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { createDatabase, createTemplate, dropDatabases } from './database.ts'
import { signUp, startMovieBag } from './movie-bag.ts'

test('tests touch no database but their own, whatever DATABASE_URL names', async (t) => {
  const precious = await createDatabase()
  const client = new pg.Client(precious)
  await client.connect()
  t.after(() => client.end())
  await client.query('create table keepsakes as select 1 as id')
  const configured = process.env['DATABASE_URL']
  process.env['DATABASE_URL'] = precious
  t.after(() => {
    if (configured === undefined) delete process.env['DATABASE_URL']
    else process.env['DATABASE_URL'] = configured
  })

  const bag = await startMovieBag()
  await signUp(bag, 'ada')
  await bag.stop()
  const { TEST_SERVER_URL: server = '', TEST_DATABASE_PREFIX: prefix = '' } = process.env
  await createTemplate(server, `${prefix}x`)
  await dropDatabases(server, `${prefix}x`)
  assert.deepEqual((await client.query('select id from keepsakes')).rows, [{ id: 1 }])
  assert.deepEqual((await client.query('select email from accounts')).rows, [])
})
