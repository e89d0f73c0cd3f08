import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { allMailSettled } from '../../test/mail-links.ts'
import { bearer, logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { sql } from '../database/database.ts'
import { translate } from '../i18n/translate.ts'

const bag = await startMovieBag()
after(() => bag.stop())

const newPassword = 'a new password, and a long one'

test('an expired reset token is ExpiredTokenError, and its page says so', async () => {
  const { token } = await askedFor('ada')
  await passTime(bag, '24 hours')
  await refused(token, 'ExpiredTokenError')
  const page = await bag.request('GET', `/reset/${token}`)
  assert.equal(page.status, 410)
  assert(page.text.includes(translate('en', 'page.reset-expired.title')))
})

test('a link lives 24 hours', async () => {
  const { token } = await askedFor('alan')
  await passTime(bag, '23 hours 59 minutes')
  assert.equal((await bag.request('GET', `/reset/${token}`)).status, 200)
  await passTime(bag, '1 minute')
  await refused(token, 'ExpiredTokenError')
})

test('the links of the three newest mails are live, and older ones are replaced', async () => {
  const grace = await signUp(bag, 'grace')
  const tokens: string[] = []
  for (const order of [1, 2, 3, 4]) {
    await coolDown()
    await forgot(grace.email)
    tokens.push(await bag.smtp.tokenFor(grace.email, order))
  }
  const pages = await Promise.all(tokens.map((token) => bag.request('GET', `/reset/${token}`)))
  assert.deepEqual(
    pages.map((page) => page.status),
    [410, 200, 200, 200],
  )
  assert(pages[0]?.text.includes(translate('en', 'page.reset-replaced.title')))
  await refused(tokens[0], 'BadTokenError')
  await reset(tokens[1])
})

test('none of an account’s links works after one was spent', async () => {
  const barbara = await askedFor('barbara')
  await coolDown()
  await forgot(barbara.email)
  const second = await bag.smtp.tokenFor(barbara.email, 2)
  await reset(second)
  await refused(barbara.token, 'BadTokenError')
  assert.equal((await bag.request('GET', `/reset/${barbara.token}`)).status, 410)
})

test('the same token and password succeed again within 15 minutes, with one mail', async () => {
  const edsger = await askedFor('edsger')
  const twice = await Promise.all([finish(edsger.token), finish(edsger.token)])
  assert.deepEqual(
    [...twice, await finish(edsger.token)].map((answer) => answer.status),
    [200, 200, 200],
  )
  const mails = await bag.db.query(sql`
    select id from outbox where account_id = ${edsger.id} and kind = 'password-reset-successful'`)
  assert.equal(mails.length, 1)
})

test('the same token with another password is refused', async () => {
  const tony = await askedFor('tony')
  await reset(tony.token)
  await refused(tony.token, 'BadTokenError', 'quite another password')
  await logIn(bag, { email: tony.email, password: newPassword })
})

test('a spent link cannot be used to guess the password', async () => {
  const { token } = await askedFor('hedy')
  await reset(token)
  for (let guess = 1; guess <= 10; guess += 1) await refused(token, 'BadTokenError', `a wrong guess, number ${guess}`)
  await refused(token, 'BadTokenError')
})

test('an empty token or password is named as such', async () => {
  const { token } = await askedFor('ingrid')
  for (const [body, field] of [
    [{ reset_token: '', password: newPassword }, 'reset_token'],
    [{ reset_token: token, password: '' }, 'password'],
    [{ reset_token: 'not-a-token', password: '' }, 'password'],
  ] as const) {
    assertError(await bag.request('POST', '/api/auth/reset', body), 'SchemaValidationError', [field])
  }
  for (const path of ['verify', 'email/confirm', 'email/undo', 'not-me']) {
    assertError(await bag.request('POST', `/api/auth/${path}`, { token: '' }), 'SchemaValidationError', ['token'])
  }
  assertError(await bag.request('POST', '/api/auth/reset/renew', { reset_token: '' }), 'SchemaValidationError', [
    'reset_token',
  ])
})

test('the same token with the same password after 15 minutes is refused', async () => {
  const { token } = await askedFor('leslie')
  await reset(token)
  await passTime(bag, '901 seconds')
  await refused(token, 'BadTokenError')
})

test('a refused password leaves the link live', async () => {
  const { token } = await askedFor('frances')
  assert.equal((await finish(token, 'short')).body.code, 'SchemaValidationError')
  assert.equal((await finish(token, 'password123')).body.code, 'SchemaValidationError')
  await reset(token)
})

test('a token works whatever mail programs append to it or do to its case', async () => {
  const { token } = await askedFor('margaret')
  const added = [
    '.',
    '>',
    ')',
    '=',
    '%23fragment',
    '%3E',
    '.%20',
    '%20',
    '/',
    '//',
    './/',
    '?utm_source=a&x=/',
    '/?a=b#c',
  ]
  for (const rest of added) {
    assert.equal((await bag.request('GET', `/reset/${token}${rest}`)).status, 200, rest)
  }
  assert.equal((await bag.request('GET', `/reset/${token}/other`)).status, 404)
  assert.equal((await bag.request('GET', `/reset/${token.toUpperCase()}`)).status, 200)
  await reset(`<${token}>.`)
})

test('an altered token is refused', async () => {
  const { token } = await askedFor('radia')
  for (const other of [`${token}a`, `${token}1`, token.slice(1), `x${token}`, token.replace(/.$/, 'ä')]) {
    await refused(other, 'BadTokenError')
  }
  assert.equal((await bag.request('GET', `/reset/${token.slice(1)}`)).status, 404)
})

test('opening a link writes nothing, whatever the method', async () => {
  const { token } = await askedFor('donald')
  await allMailSettled(bag)
  const before = await everyRow()
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) await bag.request(method, `/reset/${token}`)
  for (const method of ['GET', 'HEAD', 'OPTIONS']) await bag.request(method, `/api/auth/reset?reset_token=${token}`)
  assert.deepEqual(await everyRow(), before)
  await reset(token)
})

test('no session of a login in flight survives the reset', async () => {
  const john = await askedFor('john')
  const logins = Array.from({ length: 6 }, () =>
    bag.request('POST', '/api/auth/login', { email: john.email, password: john.password }),
  )
  await reset(john.token)
  const tokens = (await Promise.all(logins)).filter((login) => login.status === 200).map((login) => login.body.token)
  for (const token of tokens) {
    const body = { name: 'Stolen', casts: ['Nobody'], genres: ['Crime'] }
    const answer = await bag.request('POST', '/api/movies', body, { authorization: `Bearer ${token}` })
    assert.equal(answer.status, 401)
  }
  const sessions = await bag.db.query(sql`select id from sessions where account_id = ${john.id} and ended_at is null`)
  assert.equal(sessions.length, 0)
})

test('an access token resets no password, and a reset token opens no session', async () => {
  const shafi = await askedFor('shafi')
  const session = await logIn(bag, shafi)
  await refused(session['authorization']?.replace('Bearer ', ''), 'BadTokenError')
  assert.equal((await bag.request('GET', '/api/auth/account', undefined, bearer(shafi.token))).status, 401)
  await reset(shafi.token)
})

async function askedFor(name: string) {
  const account = await signUp(bag, name)
  await forgot(account.email)
  return { ...account, token: await bag.smtp.tokenFor(account.email) }
}

async function forgot(email: string): Promise<void> {
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email })).status, 200)
}

/** Lets the cool-down end, but no link expire. */
async function coolDown(): Promise<void> {
  await allMailSettled(bag)
  await passTime(bag, '90 minutes')
}

function finish(token: string | undefined, password = newPassword) {
  return bag.request('POST', '/api/auth/reset', { reset_token: token, password })
}

async function reset(token: string | undefined): Promise<void> {
  const answer = await finish(token)
  assert.equal(answer.status, 200, answer.text)
}

async function refused(token: string | undefined, code: string, password = newPassword): Promise<void> {
  const answer = await finish(token, password)
  assert.deepEqual([answer.status, answer.body.code], [403, code])
}

async function everyRow() {
  return bag.db.query(sql`
    select (select json_agg(row_to_json(l) order by token_hash) from links l) as links,
      (select json_agg(row_to_json(a) order by id) from accounts a) as accounts,
      (select json_agg(row_to_json(s) order by id) from sessions s) as sessions,
      (select json_agg(row_to_json(o) order by id) from outbox o) as outbox`)
}
