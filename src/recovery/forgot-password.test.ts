import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { signUpVerified } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { passTime } from '../../test/time.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag({ PUBLIC_URL: 'https://movies.example.org' })
after(() => bag.stop())

test('asking for a reset keeps the password and the sessions', async () => {
  const ada = await signUp(bag, 'ada')
  const session = await logIn(bag, ada)
  await forgot(ada.email)
  await bag.smtp.mailTo(ada.email)
  await logIn(bag, ada)
  const movie = { name: 'Safety Last!', casts: ['Harold Lloyd'], genres: ['Comedy'] }
  assert.equal((await bag.request('POST', '/api/movies', movie, session)).status, 200)
})

test('forgot does not reveal who has an account: every answer is the same, and only owners get mail', async () => {
  for (let round = 1; round <= 3; round += 1) {
    const known = await bag.request('POST', '/api/auth/forgot', { email: 'ada@example.org' })
    const unknown = await bag.request('POST', '/api/auth/forgot', { email: 'nobody@example.org' })
    assert.equal(known.status, 200)
    assert.equal(unknown.status, known.status)
    assert.deepEqual([...unknown.headers.keys()], [...known.headers.keys()])
    assert.match(unknown.body.support_code, /^[2-9A-HJ-NP-Z]{6}$/)
    assert.equal(unknown.text.replace(unknown.body.support_code, ''), known.text.replace(known.body.support_code, ''))
    assert.equal(await stateOf(unknown.body.support_code), 'no recipient')
  }
  assert.ok(!bag.smtp.mails.some((mail) => mail.recipients.includes('nobody@example.org')))
})

test('the time of an answer cannot reveal who has an account, because forgot does not look accounts up', async (t) => {
  const { email, password } = await signUp(bag, 'radhia')
  await bag.db.query(sql`alter table accounts rename to lost`)
  t.after(() => bag.db.query(sql`alter table lost rename to accounts`))
  assertError(await bag.request('POST', '/api/auth/login', { email, password }), 'InternalServerError')
  for (const address of [email, 'nobody@example.org']) {
    assert.equal((await bag.request('POST', '/api/auth/forgot', { email: address })).status, 200)
  }
})

test('with ACCOUNT_PRIVACY=reveal an unknown email address is EmailDoesnotExistsError', async (t) => {
  const revealing = await startMovieBag({ ACCOUNT_PRIVACY: 'reveal' })
  t.after(() => revealing.stop())
  const { email } = await signUp(revealing, 'ada')
  assert.equal((await revealing.request('POST', '/api/auth/forgot', { email })).status, 200)
  const unknown = await revealing.request('POST', '/api/auth/forgot', { email: 'nobody@example.org' })
  assertError(unknown, 'EmailDoesnotExistsError')
})

test('the cool-down doubles: a minute, then two, then four', async () => {
  const grace = await signUp(bag, 'grace')
  assert.equal(await stateOf(await forgot(grace.email)), 'sent')
  for (const seconds of [60, 120, 240]) {
    await passTime(bag, `${seconds - 30} seconds`, grace)
    assert.equal(await stateOf(await forgot(grace.email)), 'too soon', `${seconds - 30} s later`)
    await passTime(bag, '31 seconds', grace)
    assert.equal(await stateOf(await forgot(grace.email)), 'sent', `${seconds + 1} s later`)
  }
  assert.equal(bag.smtp.mails.filter((mail) => mail.recipients.includes(grace.email)).length, 4)
})

test('the cool-down grows to an hour and no further', async () => {
  const alan = await signUpVerified(bag, 'alan')
  for (let mails = 0; mails < 8; mails += 1) {
    assert.equal(await stateOf(await forgot(alan.email)), 'sent')
    await passTime(bag, '3601 seconds')
  }
  assert.equal(await stateOf(await forgot(alan.email)), 'sent')
  await passTime(bag, '3500 seconds', alan)
  assert.equal(await stateOf(await forgot(alan.email)), 'too soon')
})

test('spending a link ends the cool-down', async () => {
  const barbara = await signUp(bag, 'barbara')
  assert.equal(await stateOf(await forgot(barbara.email)), 'sent')
  await useLink(await bag.smtp.tokenFor(barbara.email))
  assert.equal(await stateOf(await forgot(barbara.email)), 'sent')
})

test('strangers can use four of the five reset mails an hour, and the owner all of them', async () => {
  const owner = await signUpVerified(bag, 'victim')
  const browser = await knownBrowserOf(owner)
  for (const seconds of [0, 61, 121, 241]) {
    await passTime(bag, `${seconds} seconds`, owner)
    assert.equal(await stateOf(await forgot(owner.email)), 'sent')
  }
  await passTime(bag, '481 seconds', owner)
  assert.equal(await stateOf(await forgot(owner.email)), 'too soon')
  const others = await knownBrowserOf(await signUp(bag, 'mallory'))
  assert.equal(await stateOf(await forgot(owner.email, others)), 'too soon')
  assert.equal(await stateOf(await forgot(owner.email, browser)), 'sent')
  await passTime(bag, '2 minutes', owner)
  assert.equal(await stateOf(await forgot(owner.email, browser)), 'too soon')
  await passTime(bag, '3601 seconds')
  assert.equal(await stateOf(await forgot(owner.email)), 'sent')
})

test('an earlier link lets its holder request the mail that strangers cannot use up', async () => {
  const ada = await signUpVerified(bag, 'lovelace')
  for (let order = 1; order <= 4; order += 1) {
    assert.equal(await stateOf(await forgot(ada.email)), 'sent', `mail ${order}`)
    await useLink(await newestToken(ada.email))
  }
  assert.equal(await stateOf(await forgot(ada.email)), 'too soon')
  const renewal = { reset_token: await newestToken(ada.email) }
  const { body } = await bag.request('POST', '/api/auth/reset/renew', renewal)
  assert.equal(await stateOf(body.support_code), 'sent')
})

test('the cool-down of a known browser does not grow with the requests of strangers', async () => {
  const katherine = await signUpVerified(bag, 'katherine')
  const browser = await knownBrowserOf(katherine)
  for (const seconds of [0, 61, 121]) {
    await passTime(bag, `${seconds} seconds`, katherine)
    assert.equal(await stateOf(await forgot(katherine.email)), 'sent')
  }
  await passTime(bag, '61 seconds', katherine)
  assert.equal(await stateOf(await forgot(katherine.email)), 'too soon')
  assert.equal(await stateOf(await forgot(katherine.email, browser)), 'sent')
})

test('an address that was never verified gets five reset mails a day, whatever becomes of its accounts', async () => {
  let sent = 0
  for (let turn = 0; turn < 8; turn += 1) {
    const account = await signUp(bag, `dots.and+tag${turn}`)
    if ((await stateOf(await forgot(account.email))) === 'sent') sent += 1
    const session = await logIn(bag, account)
    const wish = { password: account.password, movies: 'keep' }
    assert.equal((await bag.request('DELETE', '/api/auth/account', wish, session)).status, 200)
  }
  assert.equal(sent, 4, 'the fifth is for the owner')
  const owner = await signUp(bag, 'dots.and')
  assert.equal(await stateOf(await forgot(owner.email)), 'too soon')
  const browser = await knownBrowserOf(owner)
  assert.equal(await stateOf(await forgot(owner.email, browser)), 'sent')
  await passTime(bag, '1 day')
  assert.equal(await stateOf(await forgot(owner.email)), 'sent')
})

test('twenty concurrent requests make one mail', async () => {
  const edsger = await signUp(bag, 'edsger')
  const codes = await Promise.all(Array.from({ length: 20 }, () => forgot(edsger.email)))
  const states = await Promise.all(codes.map(stateOf))
  assert.deepEqual(states.toSorted(), ['sent', ...Array(19).fill('too soon')])
  assert.equal(bag.smtp.mails.filter((mail) => mail.recipients.includes(edsger.email)).length, 1)
})

test('ten requests that a worker claims together make one mail', async () => {
  const { email } = await signUp(bag, 'tony')
  await bag.db.query(sql`
    insert into outbox (kind, email, locale, support_code)
    select 'reset-password', ${email}, 'en', 'TAKEN' || n from generate_series(0, 9) as n`)
  const codes = Array.from({ length: 10 }, (_, n) => `TAKEN${n}`)
  assert.deepEqual((await Promise.all(codes.map(stateOf))).toSorted(), ['sent', ...Array(9).fill('too soon')])
})

test('the mail goes to the email address on file, not to the spelling in the request', async () => {
  const email = 'Frances.Allen@example.org'
  await bag.request('POST', '/api/auth/signup', { email, password: 'a long password for frances' })
  await forgot('FRANCES.ALLEN@EXAMPLE.ORG')
  assert.deepEqual((await bag.smtp.mailTo(email)).recipients, [email])
})

test('the link is built from PUBLIC_URL, never from the Host header', async () => {
  const radia = await signUp(bag, 'radia')
  const evil = 'evil.example.com'
  const headers = {
    host: evil,
    origin: `https://${evil}`,
    referer: `https://${evil}/`,
    forwarded: `host=${evil};proto=https`,
    'x-forwarded-host': evil,
    'x-forwarded-proto': 'http',
    'x-forwarded-server': evil,
    'x-original-url': `https://${evil}/`,
    'x-host': evil,
    'content-type': 'application/json',
  }
  const status = await new Promise((resolve, reject) => {
    const options = { method: 'POST', headers }
    const asking = httpRequest(`${bag.url}/api/auth/forgot`, options, (response) => resolve(response.statusCode))
    asking.once('error', reject).end(JSON.stringify({ email: radia.email }))
  })
  assert.equal(status, 200)
  const mail = await bag.smtp.mailTo(radia.email)
  assert.match(mail.text ?? '', /^https:\/\/movies\.example\.org\/reset\/[a-z2-7]{26}$/m)
  assert.ok(!mail.raw.includes(evil))
})

test('no field of the body changes the link or the recipient', async () => {
  for (const field of ['url', 'redirect', 'to', 'cc', 'host', 'callback']) {
    const answer = await bag.request('POST', '/api/auth/forgot', { email: 'ada@example.org', [field]: 'evil' })
    assert.equal(answer.body.code, 'SchemaValidationError', field)
  }
})

async function forgot(email: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await bag.request('POST', '/api/auth/forgot', { email }, headers)
  assert.equal(answer.status, 200, answer.text)
  return answer.body.support_code
}

/** Logs in with a browser, and returns the header by which it is known from then on. */
async function knownBrowserOf({ email, password }: { email: string; password: string }) {
  const body = { email, password }
  const { headers } = await bag.request('POST', '/api/auth/login', body, { 'sec-fetch-site': 'same-origin' })
  const [cookie = ''] = headers.getSetCookie().filter((one) => one.startsWith('__Host-movie_bag_browser='))
  return { cookie: cookie.split(';')[0] ?? '' }
}

/** What became of a mail, once the worker has closed it. */
async function stateOf(code: string): Promise<string | undefined> {
  let state: string | undefined
  await until(async () => {
    const rows = await bag.db.query<{ state: string }>(sql`
      select state from outbox where support_code = ${code} and closed_at is not null`)
    state = rows[0]?.state
    return state !== undefined
  }, `the mail ${code} to be closed`)
  return state
}

async function newestToken(email: string): Promise<string> {
  const mails = bag.smtp.mails.filter((mail) => mail.recipients.includes(email))
  const newest = mails.findLastIndex((mail) => mail.text?.includes('/reset/'))
  return bag.smtp.tokenFor(email, newest + 1)
}

async function useLink(token: string): Promise<void> {
  const body = { reset_token: token, password: 'a new password, and a long one' }
  const answer = await bag.request('POST', '/api/auth/reset', body)
  assert.equal(answer.status, 200, answer.text)
}
