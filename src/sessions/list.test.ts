import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'

const bag = await startMovieBag()
after(() => bag.stop())

const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
const safari =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

test('the list shows device, IP address, times and which session is current', async () => {
  const ada = await signUp(bag, 'ada')
  const phone = await logInFrom(ada, safari)
  const desk = await logInFrom(ada, firefox)
  const { body, headers } = await bag.request('GET', '/api/auth/sessions', undefined, desk)
  assert.equal(headers.get('cache-control'), 'no-store')
  const told = body.map((one: { device: string; address: string; is_current: boolean }) => [
    one.device,
    one.address,
    one.is_current,
  ])
  assert.deepEqual(told.toSorted(), [
    ['Firefox on Windows', '127.0.0.1', true],
    ['Safari on iOS', '127.0.0.1', false],
  ])
  for (const one of body) assert(Date.now() - Date.parse(one.created_at) < 60_000)
  const seenFromPhone = (await bag.request('GET', '/api/auth/sessions', undefined, phone)).body
  assert.deepEqual(seenFromPhone.map(({ is_current }: { is_current: boolean }) => is_current).toSorted(), [false, true])
})

test('using a session updates its last use, to five minutes', async () => {
  const grace = await signUp(bag, 'grace')
  const session = await logIn(bag, grace)
  await passTime(bag, '6 minutes', grace)
  await bag.request('GET', '/api/auth/account', undefined, session)
  const [listed] = (await bag.request('GET', '/api/auth/sessions', undefined, session)).body
  assert(Date.now() - Date.parse(listed.last_used_at) < 60_000)
})

test('an account sees only its own sessions', async () => {
  const alan = await logIn(bag, await signUp(bag, 'alan'))
  const eve = await logIn(bag, await signUp(bag, 'eve'))
  const [his] = (await bag.request('GET', '/api/auth/sessions', undefined, alan)).body
  const hers = (await bag.request('GET', '/api/auth/sessions', undefined, eve)).body
  assert.equal(hers.length, 1)
  assert.notEqual(hers[0].id, his.id)
})

test('an account cannot end another account’s session', async () => {
  const barbara = await logIn(bag, await signUp(bag, 'barbara'))
  const mallory = await logIn(bag, await signUp(bag, 'mallory'))
  const [hers] = (await bag.request('GET', '/api/auth/sessions', undefined, barbara)).body
  assertError(await bag.request('DELETE', `/api/auth/sessions/${hers.id}`, undefined, mallory), 'NotFoundError')
  await bag.request('DELETE', '/api/auth/sessions', undefined, mallory)
  assert.equal(await statusWith(barbara), 200)
})

test('ending a session takes effect immediately, and only the first request succeeds', async () => {
  const edsger = await signUp(bag, 'edsger')
  const lost = await logIn(bag, edsger)
  const [listed] = (await bag.request('GET', '/api/auth/sessions', undefined, lost)).body
  const kept = await logIn(bag, edsger)
  const path = `/api/auth/sessions/${listed.id}`
  assert.equal((await bag.request('DELETE', path, undefined, kept)).status, 204)
  assert.deepEqual([await statusWith(lost), await statusWith(kept)], [401, 200])
  assertError(await bag.request('DELETE', path, undefined, kept), 'NotFoundError')
  assertError(await bag.request('DELETE', '/api/auth/sessions/no-uuid', undefined, kept), 'NotFoundError')
})

test('ending the other sessions keeps the current one', async () => {
  const tony = await signUp(bag, 'tony')
  const others = [await logIn(bag, tony), await logIn(bag, tony)]
  const kept = await logIn(bag, tony)
  assert.equal((await bag.request('DELETE', '/api/auth/sessions', undefined, kept)).status, 204)
  assert.deepEqual(await Promise.all(others.map(statusWith)), [401, 401])
  assert.equal((await bag.request('GET', '/api/auth/sessions', undefined, kept)).body.length, 1)
})

test('ending the other sessions is recorded only if there were any', async () => {
  const frances = await signUp(bag, 'frances')
  await logIn(bag, frances)
  const kept = await logIn(bag, frances)
  for (let time = 1; time <= 3; time += 1) {
    assert.equal((await bag.request('DELETE', '/api/auth/sessions', undefined, kept)).status, 204)
  }
  const { body } = await bag.request('GET', '/api/auth/history', undefined, kept)
  const endings = body.filter(({ event }: { event: string }) => event === 'other sessions ended')
  assert.equal(endings.length, 1)
})

test('logging out ends only the current session', async () => {
  const leslie = await signUp(bag, 'leslie')
  const here = await logIn(bag, leslie)
  const there = await logIn(bag, leslie)
  assert.equal((await bag.request('DELETE', '/api/auth/session', undefined, here)).status, 204)
  assert.deepEqual([await statusWith(here), await statusWith(there)], [401, 200])
})

test('an expired session is refused', async () => {
  const john = await signUp(bag, 'john')
  const session = await logIn(bag, john)
  await passTime(bag, '7 days', john)
  assert.equal(await statusWith(session), 401)
})

async function logInFrom({ email, password }: { email: string; password: string }, userAgent: string) {
  const { body } = await bag.request('POST', '/api/auth/login', { email, password }, { 'user-agent': userAgent })
  return { authorization: `Bearer ${body.token}` }
}

async function statusWith(session: Record<string, string>): Promise<number> {
  return (await bag.request('GET', '/api/auth/account', undefined, session)).status
}

test('a session that is not used for SESSION_IDLE_TTL ends, and one that is used stays', async (t) => {
  const strict = await startMovieBag({ SESSION_IDLE_TTL: '1 hour', DATABASE_URL: bag.databaseUrl })
  t.after(() => strict.stop())
  const radia = await signUp(bag, 'radia')
  const idle = await logIn(strict, radia)
  const used = await logIn(strict, radia)
  for (let turn = 0; turn < 3; turn += 1) {
    await passTime(strict, '50 minutes', radia)
    assert.equal((await strict.request('GET', '/api/auth/account', undefined, used)).status, 200)
  }
  assertError(await strict.request('GET', '/api/auth/account', undefined, idle), 'InvalidSessionError')
  const { body } = await strict.request('GET', '/api/auth/sessions', undefined, used)
  assert.equal(body.length, 1)
})

test('the IP address of a login is empty if a proxy names another text', async (t) => {
  const proxied = await startMovieBag({ TRUST_PROXY: '127.0.0.1', DATABASE_URL: bag.databaseUrl })
  t.after(() => proxied.stop())
  const { email, password } = await signUp(bag, 'katherine')
  const addressFrom = async (forwarded: string) => {
    const headers = { 'x-forwarded-for': forwarded }
    const { body } = await proxied.request('POST', '/api/auth/login', { email, password }, headers)
    const session = { authorization: `Bearer ${body.token}` }
    const sessions = (await proxied.request('GET', '/api/auth/sessions', undefined, session)).body
    return sessions.find((one: { is_current: boolean }) => one.is_current).address
  }
  const expected = {
    unknown: '',
    '<script>alert(1)</script>': '',
    ['9'.repeat(9000)]: '',
    '203.0.113.7': '203.0.113.7',
    '203.0.113.7:4711': '203.0.113.7',
    '[2001:db8::7]:443': '2001:db8::7',
    'fe80::1%eth0': 'fe80::1',
    '::ffff:203.0.113.8': '203.0.113.8',
  }
  for (const [forwarded, address] of Object.entries(expected)) {
    assert.equal(await addressFrom(forwarded), address, forwarded)
  }
})

test('logging in or signing up in a browser ends the session that it had', async () => {
  const shima = await signUp(bag, 'shima')
  const form = (path: string, fields: Record<string, string>, cookie = '') => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin', cookie }
    return bag.request('POST', path, new URLSearchParams(fields).toString(), headers)
  }
  const sessionIn = ({ headers }: { headers: Headers }) =>
    headers
      .getSetCookie()
      .find((one) => one.startsWith('movie_bag='))
      ?.split(';')[0] ?? ''
  const { email, password } = shima
  const first = sessionIn(await form('/log-in', { email, password }))
  const second = sessionIn(await form('/log-in', { email, password }, first))
  const other = sessionIn(await form('/sign-up', { email: 'other@example.org', password }, second))
  for (const [cookie, status] of [
    [first, 303],
    [second, 303],
    [other, 200],
  ] as const) {
    assert.equal((await bag.request('GET', '/account', undefined, { cookie })).status, status)
  }
})
