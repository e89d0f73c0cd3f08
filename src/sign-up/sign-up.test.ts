import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, passwordOf, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { findPath } from '../../test/tour.ts'
import { sql } from '../database/database.ts'
import { languages } from '../i18n/languages.ts'
import { translate } from '../i18n/translate.ts'

const bag = await startMovieBag()
const settings = { SIGN_UP: 'closed', RATE_LIMITS: 'on', DATABASE_URL: bag.databaseUrl }
const closed = await startMovieBag(settings, bag.smtp)
after(async () => {
  await closed.stop()
  await bag.stop()
})
const ada = await signUp(bag, 'ada')

test('signing up returns the id of an account that can log in', async () => {
  const grace = { email: 'grace@example.org', password: 'the long password of grace' }
  const { status, body } = await bag.request('POST', '/api/auth/signup', grace)
  assert.equal(status, 200)
  assert.deepEqual(Object.keys(body), ['id'])
  assert.match(body.id, /^[0-9a-f-]{36}$/)
  await logIn(bag, grace)
})

test('no two accounts have email addresses that differ only in case', async () => {
  for (const email of ['ada@example.org', 'ADA@example.org', 'Ada@Example.Org']) {
    const answer = await bag.request('POST', '/api/auth/signup', { email, password: 'another long password' })
    assertError(answer, 'EmailAlreadyExistsError')
  }
  await logIn(bag, ada)
})

test('only one of ten concurrent sign-ups with one email address succeeds', async () => {
  const email = 'race@example.org'
  const attempts = Array.from({ length: 10 }, async (_, index) => {
    const password = `the long password ${index}`
    return { password, answer: await bag.request('POST', '/api/auth/signup', { email, password }) }
  })
  const done = await Promise.all(attempts)
  const [winner, ...others] = done.filter(({ answer }) => answer.status === 200)
  assert(winner && others.length === 0)
  for (const { answer } of done.filter((attempt) => attempt !== winner)) assertError(answer, 'EmailAlreadyExistsError')
  await logIn(bag, { email, password: winner.password })
})

test('a sign-up cannot take over an account by sending its id', async () => {
  for (const id of ['id', '_id']) {
    const eve = { [id]: ada.id, email: 'eve@example.org', password: 'the long password of eve' }
    assertError(await bag.request('POST', '/api/auth/signup', eve), 'SchemaValidationError', [id])
  }
  await logIn(bag, ada)
})

test('a sign-up that fails halfway leaves no account behind', async () => {
  await bag.db.query(sql`
    create function fail() returns trigger language plpgsql as 'begin raise exception ''halfway''; end'`)
  await bag.db.query(sql`create trigger fail after insert on outbox for each row execute function fail()`)
  const alan = { email: 'alan@example.org', password: 'the long password of alan' }
  assertError(await bag.request('POST', '/api/auth/signup', alan), 'InternalServerError')
  await bag.db.query(sql`drop function fail cascade`)
  assert.equal((await bag.request('POST', '/api/auth/signup', alan)).status, 200)
})

test('with sign-up closed, the API refuses every sign-up alike, and still counts it', async () => {
  for (const email of ['newcomer@example.org', ada.email, 'not an address']) {
    const answer = await closed.request('POST', '/api/auth/signup', { email, password: 'a gentle reef of coral' })
    assertError(answer, 'SignUpClosedError')
    assert.match(answer.headers.get('ratelimit') ?? '', /^"sign-up";r=\d+;/)
  }
  const [row] = await bag.db.query<{ count: number }>(sql`
    select count(*)::int from accounts where email = 'newcomer@example.org'`)
  assert.equal(row?.count, 0)
  const { body: document } = await bag.request('GET', '/api/openapi.json')
  assert.match(document.paths['/api/auth/signup'].post.responses[403].description, /SignUpClosedError/)
})

test('with sign-up closed, the page says so in every language, without a form', async () => {
  for (const language of languages) {
    const page = await closed.request('GET', '/sign-up', undefined, { 'accept-language': language })
    assert.equal(page.status, 200)
    assert(page.text.includes(translate(language, 'page.sign-up-closed.text').replaceAll("'", '&#39;')), language)
    assert.doesNotMatch(page.text, /<form|<input/)
  }
  const form = { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' }
  const fields = new URLSearchParams({ email: 'newcomer@example.org', password: 'a gentle reef of coral' })
  const sent = await closed.request('POST', '/sign-up', fields.toString(), form)
  assert.equal(sent.status, 403)
  assert(sent.text.includes(translate('en', 'page.sign-up-closed.text')))
})

test('with sign-up closed, no page links to it', async () => {
  for (const path of ['/', '/log-in', '/forgot', '/sign-up', '/no/such/page']) {
    const html = { accept: 'text/html' }
    assert.doesNotMatch((await closed.request('GET', path, undefined, html)).text, /href="\/sign-up/, path)
    if (path === '/' || path === '/log-in') {
      assert.match((await bag.request('GET', path, undefined, html)).text, /href="\/sign-up/, path)
    }
  }
})

test('with sign-up closed, accounts still log in, verify and change their email address', async () => {
  const account = await signUp(bag, 'hedy')
  const session = await logIn(closed, account)
  const verification = findPath(await bag.smtp.verificationTo(account.email), '/verify/')
  const token = verification.slice('/verify/'.length)
  assert.equal((await closed.request('POST', '/api/auth/verify', { token })).status, 200)
  const change = { email: 'hedy.new@example.org', password: passwordOf('hedy') }
  assert.equal((await closed.request('POST', '/api/auth/email', change, session)).status, 200)
})
