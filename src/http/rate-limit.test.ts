import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { setCounters } from '../../test/counters.ts'
import { type Answer, logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { head, sendRaw } from '../../test/raw-http.ts'
import { passTime } from '../../test/time.ts'
import { sql } from '../database/database.ts'
import { limits } from './rate-limit.ts'

const bag = await startMovieBag({ RATE_LIMITS: 'on', TRUST_PROXY: '127.0.0.1' })
const unproxied = await startMovieBag({ RATE_LIMITS: 'on', DATABASE_URL: bag.databaseUrl })
after(async () => {
  await unproxied.stop()
  await bag.stop()
})
beforeEach(() => bag.db.query(sql`delete from rate_limits`))

const asking = { email: 'ada@example.org' }

test('each response states the limit and what remains of it', async () => {
  const first = await forgotFrom('192.0.2.1')
  assert.equal(first.headers.get('ratelimit-policy'), '"forgot-password";q=60;w=600')
  assert.equal(first.headers.get('ratelimit'), '"forgot-password";r=59;t=600')
  const second = await forgotFrom('192.0.2.1')
  assert.match(second.headers.get('ratelimit') ?? '', /^"forgot-password";r=58;t=(600|59\d)$/)
})

test('over the limit is 429 with the seconds to wait, only for this caller and kind of request', async () => {
  await spent('192.0.2.2')
  const answer = await forgotFrom('192.0.2.2')
  assertError(answer, 'TooManyRequestsError')
  const wait = Number(answer.headers.get('retry-after'))
  assert(wait > 500 && wait <= 600, `${wait}`)
  assert.equal(answer.headers.get('ratelimit'), `"forgot-password";r=0;t=${wait}`)
  assert.match(answer.body.detail, new RegExp(`${wait} seconds`))
  assert.equal((await forgotFrom('192.0.2.3')).status, 200)
  const login = { email: 'ada@example.org', password: 'a wrong password' }
  assertError(await postFrom('192.0.2.2', '/api/auth/login', login), 'UnauthorizedError')
})

test('the limit resets when its time is up', async () => {
  await spent('192.0.2.4')
  await passTime(bag, '1 hour')
  assert.equal((await forgotFrom('192.0.2.4')).status, 200)
})

test('IPv6 counts by /64, and IPv4 by IP address, even if written as IPv6', async () => {
  await spent('2001:db8:1:2::1')
  assertError(await forgotFrom('2001:db8:1:2:ffff:ffff:ffff:ffff'), 'TooManyRequestsError')
  assertError(await forgotFrom('2001:0DB8:0001:0002::abcd'), 'TooManyRequestsError')
  assert.equal((await forgotFrom('2001:db8:1:3::1')).status, 200)
  await spent('192.0.2.5')
  assertError(await forgotFrom('::ffff:192.0.2.5'), 'TooManyRequestsError')
  assert.equal((await forgotFrom('::ffff:192.0.2.6')).status, 200)
})

test('X-Forwarded-For counts only as far as a trusted proxy vouches for it', async () => {
  await spent('192.0.2.7')
  assertError(await forgotFrom('192.0.2.99, 192.0.2.7'), 'TooManyRequestsError')
  for (const claim of ['192.0.2.100', '192.0.2.101', '::1', 'unknown']) {
    const headers = { 'x-forwarded-for': claim, 'x-real-ip': claim, forwarded: `for=${claim}`, 'client-ip': claim }
    await unproxied.request('POST', '/api/auth/forgot', asking, headers)
  }
  const rows = await bag.db.query<{ key: string; points: number }>(sql`
    select key, points from rate_limits where key like '%127.0.0.1'`)
  assert.deepEqual(rows, [{ key: 'forgot-password:127.0.0.1', points: 4 }])
})

test('a port after a forwarded IP address is ignored, and an unknown IP address is not an error', async () => {
  await spent('192.0.2.8')
  assertError(await forgotFrom('192.0.2.8:4711'), 'TooManyRequestsError')
  await spent('2001:db8:9::1')
  assertError(await forgotFrom('[2001:db8:9::1]:4711'), 'TooManyRequestsError')
  for (const odd of ['unknown', '_hidden', '192.0.2.300', '::zz', 'a'.repeat(1000), '%', '[::1']) {
    assert.equal((await forgotFrom(odd)).status, 200, odd)
  }
})

test('processes that share a database share the counts', async () => {
  const other = await startMovieBag({ RATE_LIMITS: 'on', TRUST_PROXY: '127.0.0.1', DATABASE_URL: bag.databaseUrl })
  try {
    await forgotFrom('192.0.2.9')
    const there = await other.request('POST', '/api/auth/forgot', asking, { 'x-forwarded-for': '192.0.2.9' })
    assert.match(there.headers.get('ratelimit') ?? '', /r=58;/)
  } finally {
    await other.stop()
  }
})

test('no other email address, header or spelling of the path starts a new count', async () => {
  const caller = { 'x-forwarded-for': '192.0.2.10' }
  const requests = [
    bag.request('POST', '/api/auth/forgot', { email: 'grace@example.org' }, caller),
    bag.request('POST', '/api/auth/forgot', asking, { ...caller, 'user-agent': 'x', 'accept-language': 'de' }),
    bag.request('POST', '/api/auth/forgot', asking, { ...caller, 'content-type': 'Application/JSON; charset=UTF-8' }),
    bag.request('POST', '/api/auth/forgot?email=grace@example.org', asking, caller),
    bag.request('POST', '/api/auth/%66orgot', asking, caller),
    bag.request('POST', '/forgot', 'email=ada%40example.org', {
      ...caller,
      'content-type': 'application/x-www-form-urlencoded',
    }),
  ]
  for (const { status, text } of await Promise.all(requests)) assert.equal(status, 200, text)
  const length = JSON.stringify(asking).length
  const absolute = head(
    `POST ${bag.url}/api/auth/forgot HTTP/1.1`,
    'X-FORWARDED-FOR:192.0.2.10',
    'content-type: application/json',
    `content-length: ${length}`,
  )
  await sendRaw(bag.url, absolute + JSON.stringify(asking))
  const rows = await bag.db.query<{ points: number }>(sql`select points from rate_limits`)
  assert.equal(rows.length, 1)
  const counted = rows[0]?.points ?? 0
  for (const path of ['/api/auth/forgot/', '/api/auth/FORGOT', '/api//auth/forgot', '/api/auth/./x/../forgot%2f']) {
    const { status } = await sendRaw(bag.url, head(`POST ${path} HTTP/1.1`, 'x-forwarded-for: 192.0.2.10'))
    assert.equal(status, 404, path)
  }
  assert.ok(counted >= requests.length, `${counted}`)
})

test('every route that sends mail, hashes or takes a token is limited', async () => {
  const token = { token: 'a'.repeat(26) }
  const reset = { reset_token: 'a'.repeat(26), password: 'a password of eve' }
  const routes = {
    '/api/auth/signup': ['sign-up', { email: 'eve@example.org', password: 'the long password of eve' }],
    '/api/auth/login': ['log-in', { email: 'eve@example.org', password: 'a wrong password' }],
    '/api/auth/forgot': ['forgot-password', asking],
    '/api/auth/reset': ['reset-password', reset],
    '/api/auth/reset/renew': ['forgot-password', { reset_token: reset.reset_token }],
    '/api/auth/verify': ['link', token],
    '/api/auth/not-me': ['link', token],
    '/api/auth/email/confirm': ['link', token],
    '/api/auth/email/undo': ['link', token],
  } as const
  for (const [path, [kind, body]] of Object.entries(routes)) {
    const policy = (await postFrom('192.0.2.11', path, body)).headers.get('ratelimit-policy')
    assert.equal(policy, `"${kind}";q=${limits[kind].points};w=${limits[kind].seconds}`, path)
  }
})

test('an export is limited, because an account may be large', async () => {
  const session = await logIn(bag, await signUp(bag, 'radia'))
  const { headers } = await bag.request('GET', '/api/auth/export', undefined, session)
  assert.equal(headers.get('ratelimit-policy'), `"export";q=${limits.export.points};w=${limits.export.seconds}`)
})

function forgotFrom(caller: string): Promise<Answer> {
  return postFrom(caller, '/api/auth/forgot', asking)
}

function postFrom(caller: string, path: string, body: object): Promise<Answer> {
  return bag.request('POST', path, body, { 'x-forwarded-for': caller })
}

/** Uses up what a caller may ask for. */
async function spent(caller: string): Promise<void> {
  await bag.db.query(sql`delete from rate_limits`)
  await forgotFrom(caller)
  assert.equal(await setCounters(bag, 'forgot-password', limits['forgot-password'].points), 1)
}
