import assert from 'node:assert/strict'
import { after, beforeEach, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { hash as hashBcrypt } from '@node-rs/bcrypt'
import { assertError } from '../../test/contract.ts'
import { setCounters } from '../../test/counters.ts'
import { mailedToken } from '../../test/mail-links.ts'
import { type Answer, bearer, logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { sql } from '../database/database.ts'
import { verifyPassword } from './hashing.ts'

const bag = await startMovieBag()
after(() => bag.stop())
beforeEach(() => bag.db.query(sql`delete from rate_limits`))

test('concurrent guesses are all counted, and after 100 the right password gets the same refusal', async () => {
  const ada = await signUp(bag, 'ada')
  await failedBefore(ada.email, 75)
  const guesses = Array.from({ length: 26 }, (_, index) => tryLogIn(ada.email, `guess ${index}`))
  for (const answer of await Promise.all(guesses)) assertError(answer, 'UnauthorizedError')
  assert.deepEqual(await counts(), [101])
  const [wrong, right] = [await tryLogIn(ada.email, 'one more guess'), await tryLogIn(ada.email, ada.password)]
  assertError(right, 'UnauthorizedError')
  assert.deepEqual([right.text, [...right.headers.keys()]], [wrong.text, [...wrong.headers.keys()]])
})

test('the hundredth guess is checked, the next is not, and a success resets the count', async () => {
  const grace = await signUp(bag, 'grace')
  await failedBefore(grace.email, 99)
  await logIn(bag, grace)
  await failedBefore(grace.email, 100)
  assertError(await tryLogIn(grace.email, grace.password), 'UnauthorizedError')
  await bag.db.query(sql`delete from rate_limits`)
  await failedBefore(grace.email, 98)
  await logIn(bag, grace)
  await tryLogIn(grace.email, 'a wrong guess')
  await logIn(bag, grace)
})

test('guesses for an unknown email address are counted the same way', async () => {
  await tryLogIn('nobody@example.org', 'a wrong guess')
  await tryLogIn('NOBODY@example.org', 'a wrong guess')
  assert.deepEqual(await counts(), [2])
})

test('a reset gets a locked-out owner back in and resets the count', async () => {
  const barbara = await signUp(bag, 'barbara')
  await failedBefore(barbara.email, 100)
  await bag.request('POST', '/api/auth/forgot', { email: barbara.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', barbara.email), password: 'a new one for barbara' }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  assert.deepEqual(await counts(), [])
  await logIn(bag, { email: barbara.email, password: reset.password })
})

test('failures from elsewhere do not lock out a known browser', async () => {
  const edsger = await signUp(bag, 'edsger')
  const cookie = await cookieOf(edsger)
  await failedBefore(edsger.email, 100)
  assertError(await tryLogIn(edsger.email, edsger.password), 'UnauthorizedError')
  assert.equal((await tryLogIn(edsger.email, edsger.password, { cookie })).status, 200)
})

test('a browser known to one account is unknown to another', async () => {
  const [tony, eve] = [await signUp(bag, 'tony'), await signUp(bag, 'eve')]
  const cookie = await cookieOf(eve)
  await failedBefore(tony.email, 100)
  assertError(await tryLogIn(tony.email, tony.password, { cookie }), 'UnauthorizedError')
})

test('a known browser has a hundred guesses, and a reset forgets it', async () => {
  const leslie = await signUp(bag, 'leslie')
  const cookie = await cookieOf(leslie)
  await tryLogIn(leslie.email, 'a wrong guess', { cookie })
  await setCounters(bag, 'failed-logins', 100)
  assertError(await tryLogIn(leslie.email, leslie.password, { cookie }), 'UnauthorizedError')
  await logIn(bag, leslie)
  await bag.request('POST', '/api/auth/forgot', { email: leslie.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', leslie.email), password: leslie.password }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  await failedBefore(leslie.email, 100)
  assertError(await tryLogIn(leslie.email, leslie.password, { cookie }), 'UnauthorizedError')
})

test('a reset forgets a browser that logs in at the same time', async () => {
  const hedy = await signUp(bag, 'hedy')
  await bag.request('POST', '/api/auth/forgot', { email: hedy.email })
  const body = { reset_token: await mailedToken(bag, 'reset', hedy.email), password: 'a new one for hedy' }
  await bag.db.query(sql`
    create function linger() returns trigger language plpgsql as
    'begin perform pg_advisory_xact_lock(1); return new; end'`)
  await bag.db.query(sql`
    create trigger linger before insert on known_browsers for each row execute function linger()`)
  let isReset = false
  const requests: Promise<Answer>[] = []
  await bag.db.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(1)`)
    requests.push(tryLogIn(hedy.email, hedy.password, { 'sec-fetch-site': 'same-origin' }))
    await until(async () => (await waiting()) === 1, 'the login to remember its browser')
    requests.push(bag.request('POST', '/api/auth/reset', body).finally(() => (isReset = true)))
    await until(async () => isReset || (await waiting()) === 2, 'the reset to wait for the login')
  })
  const statuses = (await Promise.all(requests)).map(({ status }) => status)
  await bag.db.query(sql`drop function linger cascade`)
  assert.deepEqual(statuses, [200, 200])
  assert.deepEqual(await bag.db.query(sql`select last_used_at from known_browsers where account_id = ${hedy.id}`), [])
})

test('a guess that the service is too busy to check does not count', async (t) => {
  const radia = await signUp(bag, 'radia')
  const session = await logIn(bag, radia)
  await keepHashing(t)
  assertError(await tryLogIn(radia.email, radia.password), 'ServiceUnavailableError')
  const change = { current_password: radia.password, new_password: 'a new one for radia' }
  assertError(await bag.request('PUT', '/api/auth/password', change, session), 'ServiceUnavailableError')
  assert.deepEqual(await counts(), [0, 0])
})

test('a login that the database aborts does not count', async () => {
  const frances = await signUp(bag, 'frances')
  await bag.db.transaction(async (tx) => {
    await tx.query(sql`select id from accounts where id = ${frances.id} for update`)
    assertError(await tryLogIn(frances.email, frances.password), 'ServiceUnavailableError')
  })
  assert.deepEqual(await counts(), [0])
})

test('the known-browser cookie grants no access, and only browsers get it', async () => {
  const john = await signUp(bag, 'john')
  const { headers } = await tryLogIn(john.email, john.password, { 'sec-fetch-site': 'same-origin' })
  const set = headers.get('set-cookie') ?? ''
  assert.match(set, /^movie_bag_browser=[a-z2-7]{26}; Max-Age=34560000; Path=\/; HttpOnly; SameSite=Lax$/)
  const [cookie = ''] = set.split(';')
  const token = cookie.split('=')[1] ?? ''
  assertError(await bag.request('GET', '/api/auth/account', undefined, { cookie }), 'InvalidSessionError')
  assertError(await bag.request('GET', '/api/auth/account', undefined, bearer(token)), 'InvalidSessionError')
  assert.equal((await tryLogIn(john.email, john.password)).headers.get('set-cookie'), null)
})

test('under https the cookie is Secure and bound to the host', async () => {
  const secure = await startMovieBag({ PUBLIC_URL: 'https://movies.example.org' })
  try {
    const ada = await signUp(secure, 'ada')
    const { email, password } = ada
    const asked = await secure.request('POST', '/api/auth/login', { email, password }, { 'sec-fetch-site': 'none' })
    const set = asked.headers.get('set-cookie') ?? ''
    assert.match(
      set,
      /^__Host-movie_bag_browser=[a-z2-7]{26}; Max-Age=34560000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
  } finally {
    await secure.stop()
  }
})

function tryLogIn(email: string, password: string, headers: Record<string, string> = {}) {
  return bag.request('POST', '/api/auth/login', { email, password }, headers)
}

/** Of failures; mails are counted beside them, at their own time. */
async function counts(): Promise<number[]> {
  const rows = await bag.db.query<{ points: number }>(sql`
    select points from rate_limits where key like 'failed-logins:%'`)
  return rows.map(({ points }) => points)
}

/** Keeps the queue for hashing full until the test ends: whoever has had a turn wants another. */
async function keepHashing(t: TestContext): Promise<void> {
  const cheap = await hashBcrypt('anything', { cost: 4 })
  let isOver = false
  const wantTurns = async () => {
    while (!isOver) await verifyPassword(cheap, 'a guess').catch(() => turn())
  }
  const crowd = Promise.all(Array.from({ length: 130 }, wantTurns))
  t.after(() => {
    isOver = true
    return crowd
  })
}

/** Makes one wrong guess, and moves its counter as if there had been so many. */
async function failedBefore(email: string, failures: number): Promise<void> {
  await bag.db.query(sql`delete from rate_limits`)
  await tryLogIn(email, 'a wrong guess')
  assert.equal(await setCounters(bag, 'failed-logins', failures), 1)
}

/** The cookie of a browser in which somebody has logged in. */
async function cookieOf({ email, password }: { email: string; password: string }): Promise<string> {
  const { headers } = await tryLogIn(email, password, { 'sec-fetch-site': 'same-origin' })
  return (headers.get('set-cookie') ?? '').split(';')[0] ?? ''
}

/** How many statements wait for a lock. */
async function waiting(): Promise<number> {
  const rows = await bag.db.query(sql`
    select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
  return rows.length
}
