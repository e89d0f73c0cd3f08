import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag({ TRUST_PROXY: 'on', RATE_LIMITS: 'on' })
after(() => bag.stop())

test('requests of one caller wait for each other, while those of others go through', async () => {
  const eve = { 'x-forwarded-for': '203.0.113.9' }
  const ada = { 'x-forwarded-for': '198.51.100.7' }
  const stuck = await bag.db.transaction(async (tx) => {
    await tx.query(sql`lock table links in access exclusive mode`)
    const body = { reset_token: 'a'.repeat(26) }
    const requests = Array.from({ length: 9 }, () => bag.request('POST', '/api/auth/reset/renew', body, eve))
    await until(async () => (await waiting()) === 8, 'eight requests to run')
    assert.equal((await bag.request('GET', '/health/live', undefined, ada)).status, 200)
    const refused = await requests[8]
    assert.equal(refused?.status, 503)
    assert.equal(refused?.headers.get('retry-after'), '2')
    return requests.slice(0, 8)
  })
  for (const { status } of await Promise.all(stuck)) assert.ok(status === 403 || status === 503, String(status))
})

test('a caller with two hundred waiting requests gets 429 immediately', async () => {
  const eve = { 'x-forwarded-for': '203.0.113.10' }
  await bag.db.transaction(async (tx) => {
    await tx.query(sql`lock table movies in access exclusive mode`)
    const requests = Array.from({ length: 209 }, () => bag.request('GET', '/api/movies/1', undefined, eve))
    const first = await Promise.race(requests)
    assert.equal(first.status, 429)
    assert.equal(first.body.code, 'TooManyRequestsError')
    void Promise.allSettled(requests)
  })
})

async function waiting(): Promise<number> {
  const [row] = await bag.db.query<{ count: number }>(sql`
    select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
  return row?.count ?? 0
}
