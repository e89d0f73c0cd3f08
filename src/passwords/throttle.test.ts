import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { hash as hashBcrypt } from '@node-rs/bcrypt'
import { assertError } from '../../test/contract.ts'
import { allMailSettled, mailedToken, subjectsTo } from '../../test/mail-links.ts'
import { type Answer, bearer, logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { passTime } from '../../test/time.ts'
import { sql } from '../database/database.ts'
import { verifyPassword } from './hashing.ts'

const bag = await startMovieBag({ TRUST_PROXY: 'on' })
after(() => bag.stop())

test('the first guesses are free, and then the wait grows to an hour and no further', async () => {
  const ada = await signUp(bag, 'ada')
  const waits = await waitsAfter(ada.email, 32)
  assert.deepEqual(waits.slice(0, 9), Array(9).fill(0))
  assert.ok(
    waits.slice(9, 14).every((wait) => wait > 0 && wait <= 5),
    `${waits}`,
  )
  assert.ok(
    waits.slice(14, 19).every((wait) => wait > 50 && wait <= 60),
    `${waits}`,
  )
  assert.ok(
    waits.slice(19, 29).every((wait) => wait > 590 && wait <= 600),
    `${waits}`,
  )
  assert.ok(
    waits.slice(29).every((wait) => wait > 3590 && wait <= 3600),
    `${waits}`,
  )
  await passTime(bag, '1 hour')
  await logIn(bag, ada)
})

test('a throttled login says when to try again, whatever the password, and does not make the wait longer', async () => {
  const alan = await signUp(bag, 'alan')
  await fail(alan.email, 30)
  await passTime(bag, '50 minutes')
  for (const password of [alan.password, 'a wrong guess', alan.password]) {
    const wait = retryAfter(await tryLogIn(alan.email, password))
    assert.ok(wait > 580 && wait <= 600, `${wait}`)
  }
  await passTime(bag, '10 minutes')
  await logIn(bag, alan)
})

test('concurrent guesses cannot exceed the limit', async () => {
  const grace = await signUp(bag, 'grace')
  const guesses = await Promise.all(Array.from({ length: 30 }, (_, index) => tryLogIn(grace.email, `guess ${index}`)))
  assert.equal(guesses.filter(({ status }) => status === 401).length, 10)
  assert.equal(guesses.filter(({ status }) => status === 429).length, 20)
})

test('guesses from many networks are counted together', async () => {
  const tony = await signUp(bag, 'tony')
  for (let network = 1; network <= 100; network += 1) {
    // Past the longest wait so far.
    await passTime(bag, '10 minutes')
    const answer = await tryLogIn(tony.email, 'a wrong guess', { 'x-forwarded-for': `203.0.113.${network}` })
    assertError(answer, 'UnauthorizedError')
  }
  const stranger = { 'x-forwarded-for': '198.51.100.1' }
  assert.ok(retryAfter(await tryLogIn(tony.email, tony.password, stranger)) > 3590)
  await passTime(bag, '1 hour')
  assert.equal((await tryLogIn(tony.email, tony.password, stranger)).status, 200)
})

test('guesses from one network do not slow down another', async () => {
  const ida = await signUp(bag, 'ida')
  await fail(ida.email, 15)
  assert.equal((await tryLogIn(ida.email, ida.password, { 'x-forwarded-for': '203.0.113.7' })).status, 200)
})

test('a success starts the count again, and so does a day without a guess', async () => {
  const lise = await signUp(bag, 'lise')
  await fail(lise.email, 19)
  await passTime(bag, '1 minute')
  await logIn(bag, lise)
  await fail(lise.email, 10)
  assert.ok(retryAfter(await tryLogIn(lise.email, lise.password)) <= 5)
  await passTime(bag, '25 hours')
  await fail(lise.email, 1)
  await logIn(bag, lise)
})

test('what cannot be a password does not count', async () => {
  const mary = await signUp(bag, 'mary')
  for (const impossible of ['x'.repeat(300), 'a\u0000b', 'half a pair \ud800']) {
    for (let times = 0; times < 12; times += 1) {
      assertError(await tryLogIn(mary.email, impossible), 'UnauthorizedError')
    }
  }
  await logIn(bag, mary)
})

test('guesses made before there was an account do not slow down its owner', async () => {
  await fail('rosa@example.org', 15)
  const rosa = await signUp(bag, 'rosa')
  await logIn(bag, rosa)
})

test('throttling does not reveal who has an account', async () => {
  const edith = await signUp(bag, 'edith')
  for (let failures = 1; failures <= 12; failures += 1) {
    const known = await tryLogIn(edith.email, 'a wrong guess')
    const unknown = await tryLogIn('nobody@example.org', 'a wrong guess')
    assert.deepEqual([known.status, Object.keys(known.body)], [unknown.status, Object.keys(unknown.body)])
    assert.deepEqual([...known.headers.keys()], [...unknown.headers.keys()])
    await passTime(bag, '5 seconds')
  }
})

test('the spelling of an email address does not matter to its count', async () => {
  const anna = await signUp(bag, 'anna')
  await fail('ANNA@Example.ORG', 15)
  assertError(await tryLogIn(anna.email, anna.password), 'TooManyRequestsError')
})

test('the owner gets one mail a day about wrong passwords, with a way in, and strangers get none', async () => {
  const joan = await signUp(bag, 'joan')
  await fail('somebody@example.org', 20)
  await fail(joan.email, 20)
  await allMailSettled(bag)
  const notices = bag.smtp.mails.filter(({ subject }) => subject === '[Movie-bag] Failed logins')
  const mailsTo = (email: string) => notices.filter(({ recipients }) => recipients.includes(email))
  assert.deepEqual([mailsTo(joan.email).length, mailsTo('somebody@example.org').length], [1, 0])
  assert.match(mailsTo(joan.email)[0]?.text ?? '', /\/forgot\n/)
  await passTime(bag, '25 hours')
  await fail(joan.email, 15)
  await allMailSettled(bag)
  assert.equal((await subjectsTo(bag, joan.email)).filter((subject) => subject === 'Failed logins').length, 2)
})

test('a reset gets a throttled owner in, and so does a verified email address', async () => {
  const barbara = await signUp(bag, 'barbara')
  await fail(barbara.email, 20)
  await bag.request('POST', '/api/auth/forgot', { email: barbara.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', barbara.email), password: 'a new one for barbara' }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  await logIn(bag, { email: barbara.email, password: reset.password })

  const vera = await signUp(bag, 'vera')
  await fail(vera.email, 20)
  const token = await mailedToken(bag, 'verify', vera.email)
  assert.equal((await bag.request('POST', '/api/auth/verify', { token })).status, 200)
  await logIn(bag, vera)
})

test('failures from elsewhere do not slow down a known browser', async () => {
  const edsger = await signUp(bag, 'edsger')
  const cookie = await cookieOf(edsger)
  await fail(edsger.email, 20)
  assertError(await tryLogIn(edsger.email, edsger.password), 'TooManyRequestsError')
  assert.equal((await tryLogIn(edsger.email, edsger.password, { cookie })).status, 200)
})

test('a browser known to one account is unknown to another', async () => {
  const [kurt, eve] = [await signUp(bag, 'kurt'), await signUp(bag, 'eve')]
  const cookie = await cookieOf(eve)
  await fail(kurt.email, 20)
  assertError(await tryLogIn(kurt.email, kurt.password, { cookie }), 'TooManyRequestsError')
})

test('a known browser is throttled by its own failures, and a reset forgets it', async () => {
  const leslie = await signUp(bag, 'leslie')
  const cookie = await cookieOf(leslie)
  await fail(leslie.email, 20, { cookie })
  assertError(await tryLogIn(leslie.email, leslie.password, { cookie }), 'TooManyRequestsError')
  await logIn(bag, leslie)
  await bag.request('POST', '/api/auth/forgot', { email: leslie.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', leslie.email), password: leslie.password }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  await fail(leslie.email, 20)
  assertError(await tryLogIn(leslie.email, leslie.password, { cookie }), 'TooManyRequestsError')
})

test('if the clock was set back, nobody waits longer than an hour', async () => {
  const ruth = await signUp(bag, 'ruth')
  await fail(ruth.email, 30)
  await passTime(bag, '-3 days')
  assert.ok(retryAfter(await tryLogIn(ruth.email, ruth.password)) <= 3600)
  await passTime(bag, '1 hour 1 second')
  await logIn(bag, ruth)
  await passTime(bag, '3 days')
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
  await bag.db.query(sql`delete from wrong_passwords`)
  await keepHashing(t)
  assertError(await tryLogIn(radia.email, radia.password), 'ServiceUnavailableError')
  const change = { current_password: radia.password, new_password: 'a new one for radia' }
  assertError(await bag.request('PUT', '/api/auth/password', change, session), 'ServiceUnavailableError')
  assert.deepEqual(await counts(), [0, 0, 0])
})

test('a login that the database aborts does not count', async () => {
  const frances = await signUp(bag, 'frances')
  await bag.db.query(sql`delete from wrong_passwords`)
  await bag.db.transaction(async (tx) => {
    await tx.query(sql`select id from accounts where id = ${frances.id} for update`)
    assertError(await tryLogIn(frances.email, frances.password), 'ServiceUnavailableError')
  })
  assert.deepEqual(await counts(), [0, 0])
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

test('over plain http, where browsers do not name themselves, a form makes its browser known', async () => {
  const margaret = await signUp(bag, 'margaret')
  const { email, password } = margaret
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const { headers } = await bag.request('POST', '/log-in', String(new URLSearchParams({ email, password })), form)
  const cookie =
    headers
      .getSetCookie()
      .find((one) => one.startsWith('movie_bag_browser='))
      ?.split(';')[0] ?? ''
  await fail(email, 15)
  assertError(await tryLogIn(email, password), 'TooManyRequestsError')
  assert.equal((await tryLogIn(email, password, { cookie })).status, 200)
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

/** The failures that are counted, by caller and for all together. */
async function counts(): Promise<number[]> {
  const rows = await bag.db.query<{ failures: number }>(sql`select failures from wrong_passwords`)
  return rows.map(({ failures }) => failures)
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

/** Makes wrong guesses, each after its wait, which is at most ten minutes before the thirtieth. */
async function fail(email: string, failures: number, headers: Record<string, string> = {}): Promise<void> {
  for (let failure = 1; failure <= failures; failure += 1) {
    const answer = await tryLogIn(email, 'a wrong guess', headers)
    assertError(answer, 'UnauthorizedError')
    if (failure >= 10 && failure < failures) await passTime(bag, '10 minutes')
  }
}

/** Makes wrong guesses as early as possible, and returns the wait in seconds after each. */
async function waitsAfter(email: string, failures: number): Promise<number[]> {
  const waits: number[] = []
  while (waits.length <= failures) {
    const answer = await tryLogIn(email, 'a wrong guess')
    if (answer.status === 401) waits.push(0)
    else {
      waits[waits.length - 1] = retryAfter(answer)
      await passTime(bag, `${retryAfter(answer)} seconds`)
    }
  }
  return waits.slice(0, failures)
}

/** Returns the seconds in `Retry-After` of a throttled login. */
function retryAfter(answer: Answer): number {
  assertError(answer, 'TooManyRequestsError')
  return Number(answer.headers.get('retry-after'))
}

/** Logs in with a browser and returns its known-browser cookie. */
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
