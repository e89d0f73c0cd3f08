import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logged, startMovieBag } from '../../test/movie-bag.ts'

const https = { PUBLIC_URL: 'https://movies.example.org' }

test('a proxy that is not trusted causes one warning', async () => {
  assert.equal(await warnings(https, 'proxy-not-trusted', { 'x-forwarded-for': '203.0.113.9' }), 1)
  assert.equal(await warnings(https, 'proxy-not-trusted', { forwarded: 'for=203.0.113.9' }), 1)
  assert.equal(await warnings(https, 'proxy-not-trusted', {}), 0)
  assert.equal(await warnings({ ...https, TRUST_PROXY: 'on' }, 'proxy-not-trusted', { 'x-forwarded-for': '::1' }), 0)
})

test('plain http behind a proxy causes one warning if PUBLIC_URL is https', async () => {
  const plain = { 'x-forwarded-proto': 'http' }
  assert.equal(await warnings({ ...https, TRUST_PROXY: 'on' }, 'plaintext-http', plain), 1)
  assert.equal(await warnings({ ...https, TRUST_PROXY: 'on' }, 'plaintext-http', { 'x-forwarded-proto': 'https' }), 0)
  assert.equal(await warnings({ TRUST_PROXY: 'on' }, 'plaintext-http', plain), 0)
})

/** Returns how often an event is logged when requests with these headers arrive. */
async function warnings(settings: Record<string, string>, event: string, headers: Record<string, string>) {
  const bag = await startMovieBag(settings)
  try {
    for (let times = 0; times < 3; times += 1) await bag.request('GET', '/health/live', undefined, headers)
    return logged(bag, event).length
  } finally {
    await bag.stop()
  }
}
