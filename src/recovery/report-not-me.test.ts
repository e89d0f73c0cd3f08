import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { allMailSettled, mailedToken, subjectsTo, tokensIn } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('"this wasn’t me" in a reset mail revokes its link and stops reset mails for an hour', async () => {
  const ada = await signUp(bag, 'ada')
  const session = await logIn(bag, ada)
  await forgot(ada.email)
  const link = await mailedToken(bag, 'reset', ada.email)
  const token = await mailedToken(bag, 'not-me', ada.email)
  assert.equal((await notMe(token)).status, 200)
  assertError(await reset(link), 'BadTokenError')
  assert.match((await bag.request('GET', `/reset/${link}`)).text, /cancelled/)
  assert.equal((await bag.request('GET', '/api/auth/account', undefined, session)).status, 200)
  await logIn(bag, ada)
  await passTime(bag, '50 minutes')
  await forgot(ada.email)
  assert.equal((await resetMails(ada.email)).length, 1, 'no mail comes within the hour')
  await passTime(bag, '10 minutes')
  await forgot(ada.email)
  assert.equal((await resetMails(ada.email)).length, 2, 'after the hour the owner is mailed again')
  assert.equal((await reset(await mailedToken(bag, 'reset', ada.email))).status, 200)
})

test('"this wasn’t me" in the mail about a reset freezes the account and mails the owner a link', async () => {
  const grace = await signUp(bag, 'grace')
  await forgot(grace.email)
  assert.equal((await reset(await mailedToken(bag, 'reset', grace.email), 'a password of eve')).status, 200)
  const eve = await logIn(bag, { email: grace.email, password: 'a password of eve' })
  assert.equal((await notMe(await mailedToken(bag, 'not-me', grace.email))).status, 200)
  assertError(await bag.request('GET', '/api/auth/account', undefined, eve), 'InvalidSessionError')
  for (const password of ['a password of eve', grace.password]) {
    assertError(await bag.request('POST', '/api/auth/login', { email: grace.email, password }), 'UnauthorizedError')
  }
  assert.equal((await reset(await mailedToken(bag, 'reset', grace.email), 'only grace knows')).status, 200)
  await logIn(bag, { email: grace.email, password: 'only grace knows' })
})

test('"this wasn’t me" in the mail about a new password freezes the account', async () => {
  const alan = await signUp(bag, 'alan')
  const eve = await logIn(bag, alan)
  const change = { current_password: alan.password, new_password: 'a password of eve' }
  assert.equal((await bag.request('PUT', '/api/auth/password', change, eve)).status, 200)
  assert.equal((await notMe(await mailedToken(bag, 'not-me', alan.email))).status, 200)
  assertError(await bag.request('GET', '/api/auth/account', undefined, eve), 'InvalidSessionError')
  assert.deepEqual((await subjectsTo(bag, alan.email)).at(-1), 'Reset Your Password')
})

test('"this wasn’t me" still works after a thief resets the password again', async () => {
  const barbara = await signUp(bag, 'barbara')
  await forgot(barbara.email)
  assert.equal((await reset(await mailedToken(bag, 'reset', barbara.email), 'a password of eve')).status, 200)
  const token = await mailedToken(bag, 'not-me', barbara.email)
  await forgot(barbara.email)
  assert.equal((await reset(await mailedToken(bag, 'reset', barbara.email), 'another password of eve')).status, 200)
  assert.equal((await notMe(token)).status, 200)
  const eve = { email: barbara.email, password: 'another password of eve' }
  assertError(await bag.request('POST', '/api/auth/login', eve), 'UnauthorizedError')
})

test('a freeze cancels a pending change of the email address and forgets the thief’s browser', async () => {
  const edsger = await signUp(bag, 'edsger')
  const inBrowser = { 'sec-fetch-site': 'same-origin' }
  const { email, password } = edsger
  const { body } = await bag.request('POST', '/api/auth/login', { email, password }, inBrowser)
  const eve = { authorization: `Bearer ${body.token}` }
  await bag.request('POST', '/api/auth/email', { email: 'thief@example.org', password }, eve)
  const confirmation = await mailedToken(bag, 'confirm-address', 'thief@example.org')
  await bag.request('PUT', '/api/auth/password', { current_password: password, new_password: 'eve’s password' }, eve)
  assert.equal((await notMe(await mailedToken(bag, 'not-me', email))).status, 200)
  assertError(await bag.request('POST', '/api/auth/email/confirm', { token: confirmation }), 'BadTokenError')
  assert.deepEqual(await bag.db.query(sql`select token_hash from known_browsers where account_id = ${edsger.id}`), [])
})

test('the page of the link acts only when its button is pressed, and once', async () => {
  const tony = await signUp(bag, 'tony')
  const session = await logIn(bag, tony)
  await forgot(tony.email)
  const link = await mailedToken(bag, 'reset', tony.email)
  const token = await mailedToken(bag, 'not-me', tony.email)
  for (const method of ['GET', 'HEAD', 'OPTIONS']) await bag.request(method, `/not-me/${token}`)
  assert.equal((await bag.request('GET', `/reset/${link}`)).status, 200)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal((await bag.request('POST', '/not-me', `token=${token}`, form)).status, 200)
  assert.equal((await bag.request('GET', `/reset/${link}`)).status, 410)
  assertError(await notMe(token), 'BadTokenError')
  assert.equal((await bag.request('GET', '/api/auth/account', undefined, session)).status, 200)
})

test('an expired link says so', async () => {
  const leslie = await signUp(bag, 'leslie')
  await forgot(leslie.email)
  const token = await mailedToken(bag, 'not-me', leslie.email)
  await passTime(bag, '7 days')
  assertError(await notMe(token), 'ExpiredTokenError')
})

test('a dead link can be renewed by its token, and a made-up token cannot', async () => {
  const john = await signUp(bag, 'john')
  await forgot(john.email)
  const token = await mailedToken(bag, 'reset', john.email)
  assert.equal((await reset(token)).status, 200)
  const renewal = await bag.request('POST', '/api/auth/reset/renew', { reset_token: token })
  assert.match(renewal.body.support_code, /^[2-9A-Z]{6}$/)
  assert.equal((await reset(await mailedToken(bag, 'reset', john.email), 'the second new password')).status, 200)
  const madeUp = await bag.request('POST', '/api/auth/reset/renew', { reset_token: 'a'.repeat(26) })
  assertError(madeUp, 'BadTokenError')
})

async function forgot(email: string): Promise<void> {
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email })).status, 200)
  await allMailSettled(bag)
}

function reset(token: string, password = 'a new password, and a long one') {
  return bag.request('POST', '/api/auth/reset', { reset_token: token, password })
}

function notMe(token: string) {
  return bag.request('POST', '/api/auth/not-me', { token })
}

async function resetMails(email: string) {
  await allMailSettled(bag)
  const mails = bag.smtp.mails.filter((mail) => mail.recipients.includes(email))
  return mails.filter((mail) => tokensIn(mail, 'reset').length > 0)
}
