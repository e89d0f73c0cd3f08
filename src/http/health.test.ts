import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startMovieBag } from '../../test/movie-bag.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('a process that runs says so, and no cache keeps it', async () => {
  const { status, body, headers } = await bag.request('GET', '/health/live')
  assert.equal(status, 200)
  assert.deepEqual(body, { status: 'ok' })
  assert.equal(headers.get('cache-control'), 'no-store')
})

test('a process that serves is ready, with its database and its mail', async () => {
  const { status, body, headers } = await bag.request('GET', '/health/ready')
  assert.equal(status, 200)
  assert.deepEqual(body, { status: 'ok', database: 'ok', mail: 'ok' })
  assert.equal(headers.get('cache-control'), 'no-store')
})
