import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { mailedToken, subjectsTo } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
const strict = await startMovieBag({ REQUIRE_VERIFIED_EMAIL: 'on' })
after(() => Promise.all([bag.stop(), strict.stop()]))

test('a new account verifies its email address with the link, once', async () => {
  const ada = await signUp(bag, 'ada')
  const session = await logIn(bag, ada)
  assert.equal(await isVerified(session), false)
  const token = await mailedToken(bag, 'verify', ada.email)
  assert.equal((await verify(token)).status, 200)
  assert.equal(await isVerified(session), true)
  assertError(await verify(token), 'BadTokenError')
})

test('the verification mail is sent again on request, but not once the email address is verified', async () => {
  const grace = await signUp(bag, 'grace')
  const session = await logIn(bag, grace)
  assert.equal((await bag.request('POST', '/api/auth/verify/mail', undefined, session)).status, 200)
  assert.equal((await subjectsTo(bag, grace.email)).length, 2)
  await verify(await mailedToken(bag, 'verify', grace.email))
  assert.equal((await bag.request('POST', '/api/auth/verify/mail', undefined, session)).status, 200)
  assert.equal((await subjectsTo(bag, grace.email)).length, 2)
  assertError(await bag.request('POST', '/api/auth/verify/mail'), 'InvalidSessionError')
})

test('a link verifies only the email address that it was mailed to', async () => {
  const alan = await signUp(bag, 'alan')
  const token = await mailedToken(bag, 'verify', alan.email)
  await bag.db.query(sql`
    update accounts set email = 'moved@example.org', email_canonical = 'moved@example.org' where id = ${alan.id}`)
  assertError(await verify(token), 'BadTokenError')
  assert.equal(await isVerified(await logIn(bag, { ...alan, email: 'moved@example.org' })), false)
})

test('a verification link expires after 7 days', async () => {
  const barbara = await signUp(bag, 'barbara')
  const token = await mailedToken(bag, 'verify', barbara.email)
  await passTime(bag, '7 days', barbara)
  assertError(await verify(token), 'ExpiredTokenError')
})

test('a reset verifies the email address, because its mail was read', async () => {
  const edsger = await signUp(bag, 'edsger')
  await bag.request('POST', '/api/auth/forgot', { email: edsger.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', edsger.email), password: edsger.password }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  assert.equal(await isVerified(await logIn(bag, edsger)), true)
})

test('a token works for no purpose but its own', async () => {
  const tony = await signUp(bag, 'tony')
  const session = await logIn(bag, tony)
  await bag.request('POST', '/api/auth/forgot', { email: tony.email })
  await bag.request('POST', '/api/auth/email', { email: 'tony.new@example.org', password: tony.password }, session)
  const tokens = {
    '/api/auth/reset': await mailedToken(bag, 'reset', tony.email),
    '/api/auth/not-me': await mailedToken(bag, 'not-me', tony.email),
    '/api/auth/verify': await mailedToken(bag, 'verify', tony.email),
    '/api/auth/email/confirm': await mailedToken(bag, 'confirm-address', 'tony.new@example.org'),
  }
  const accessToken = session['authorization']?.slice(7) ?? ''
  for (const [purpose, token] of Object.entries({ ...tokens, access: accessToken })) {
    for (const path of [...Object.keys(tokens), '/api/auth/email/undo', '/api/auth/reset/renew']) {
      if (path === purpose || (purpose === '/api/auth/reset' && path === '/api/auth/reset/renew')) continue
      assertError(await bag.request('POST', path, bodyFor(path, token)), 'BadTokenError')
    }
    assertError(
      await bag.request('GET', '/api/auth/account', undefined, { authorization: `Bearer ${token}.a.b` }),
      'InvalidSessionError',
    )
  }
})

test('an unverified email address is reported only to the right password', async () => {
  const leslie = await signUp(strict, 'leslie')
  const told = await strict.request('POST', '/api/auth/login', leslie)
  assert.deepEqual([told.status, told.body.code], [403, 'UnverifiedEmailError'])
  const wrong = { ...leslie, password: 'not the password' }
  assertError(await strict.request('POST', '/api/auth/login', wrong), 'UnauthorizedError')
  const nobody = { ...leslie, email: 'nobody@example.org' }
  assertError(await strict.request('POST', '/api/auth/login', nobody), 'UnauthorizedError')

  const token = await mailedToken(strict, 'verify', leslie.email)
  assert.equal((await strict.request('POST', '/api/auth/verify', { token })).status, 200)
  await logIn(strict, leslie)
})

test('logging in before verification is not throttled', async () => {
  const john = await signUp(strict, 'john')
  for (let time = 0; time < 12; time += 1) {
    assert.equal((await strict.request('POST', '/api/auth/login', john)).body.code, 'UnverifiedEmailError')
  }
})

test('a reset replaces a lost verification mail', async () => {
  const frances = await signUp(strict, 'frances')
  await strict.request('POST', '/api/auth/forgot', { email: frances.email })
  const reset = { reset_token: await mailedToken(strict, 'reset', frances.email), password: frances.password }
  assert.equal((await strict.request('POST', '/api/auth/reset', reset)).status, 200)
  await logIn(strict, frances)
})

function verify(token: string) {
  return bag.request('POST', '/api/auth/verify', { token })
}

async function isVerified(session: Record<string, string>): Promise<boolean> {
  return (await bag.request('GET', '/api/auth/account', undefined, session)).body.is_verified
}

function bodyFor(path: string, token: string): object {
  if (path === '/api/auth/reset') return { reset_token: token, password: 'a password of an attacker' }
  return path === '/api/auth/reset/renew' ? { reset_token: token } : { token }
}
