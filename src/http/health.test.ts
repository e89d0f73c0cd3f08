import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startMovieBag } from '../../test/movie-bag.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('a running process reports that it is live, uncached', async () => {
  const { status, body, headers } = await bag.request('GET', '/health/live')
  assert.equal(status, 200)
  assert.deepEqual(body, { status: 'ok' })
  assert.equal(headers.get('cache-control'), 'no-store')
})

test('a serving process reports the state of its database and mail', async () => {
  const { status, body, headers } = await bag.request('GET', '/health/ready')
  assert.equal(status, 200)
  assert.deepEqual(body, { status: 'ok', database: 'ok', mail: 'ok' })
  assert.equal(headers.get('cache-control'), 'no-store')
})
