import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { mailedToken, subjectsTo } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'

const bag = await startMovieBag()
after(() => bag.stop())

const wanted = 'a new password, and a long one'

test('a new password replaces the old one, ends the other sessions and keeps this one', async () => {
  const ada = await signUp(bag, 'ada')
  const [here, there] = [await logIn(bag, ada), await logIn(bag, ada)]
  assert.equal((await change(here, ada.password)).status, 200)
  await logIn(bag, { email: ada.email, password: wanted })
  assertError(await bag.request('POST', '/api/auth/login', ada), 'UnauthorizedError')
  assert.equal((await bag.request('GET', '/api/auth/account', undefined, here)).status, 200)
  assertError(await bag.request('GET', '/api/auth/account', undefined, there), 'InvalidSessionError')
  assert.deepEqual(await subjectsTo(bag, ada.email), ['Confirm your email address', 'Password changed'])
})

test('changing the password revokes earlier reset links', async () => {
  const grace = await signUp(bag, 'grace')
  await bag.request('POST', '/api/auth/forgot', { email: grace.email })
  const token = await mailedToken(bag, 'reset', grace.email)
  await change(await logIn(bag, grace), grace.password)
  const reset = await bag.request('POST', '/api/auth/reset', { reset_token: token, password: 'quite another one' })
  assertError(reset, 'BadTokenError')
})

test('without the current password nothing changes', async () => {
  const alan = await signUp(bag, 'alan')
  const [here, there] = [await logIn(bag, alan), await logIn(bag, alan)]
  assertError(await change(here, 'not the password'), 'UnauthorizedError')
  assertError(await change({}, alan.password), 'InvalidSessionError')
  await logIn(bag, alan)
  assert.equal((await bag.request('GET', '/api/auth/account', undefined, there)).status, 200)
})

test('the password rule is that of sign-up, and names the field', async () => {
  const barbara = await signUp(bag, 'barbara')
  const session = await logIn(bag, barbara)
  for (const bad of ['short', 'password123', barbara.email, 'a'.repeat(257), 'with a \0 inside']) {
    assertError(await change(session, barbara.password, bad), 'SchemaValidationError', ['new_password'])
  }
  await logIn(bag, barbara)
})

test('of two concurrent changes one wins, and the other fails', async () => {
  const edsger = await signUp(bag, 'edsger')
  const session = await logIn(bag, edsger)
  const passwords = ['the first of two passwords', 'the second of two passwords']
  const answers = await Promise.all(passwords.map((password) => change(session, edsger.password, password)))
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 401])
  const won = passwords[answers.findIndex(({ status }) => status === 200)] ?? ''
  await logIn(bag, { email: edsger.email, password: won })
})

test('a stolen session cannot guess the password, and does not slow down the owner', async () => {
  const tony = await signUp(bag, 'tony')
  const [stolen, own] = [await logIn(bag, tony), await logIn(bag, tony)]
  for (let failure = 1; failure <= 30; failure += 1) {
    assertError(await change(stolen, 'a wrong guess'), 'UnauthorizedError')
    await passTime(bag, '10 minutes')
  }
  for (const password of ['a wrong guess', tony.password]) {
    const answer = await change(stolen, password)
    assertError(answer, 'TooManyRequestsError')
    assert.ok(Number(answer.headers.get('retry-after')) <= 3600)
  }
  assert.equal((await change(own, tony.password)).status, 200)
})

function change(session: Record<string, string>, current: string, password = wanted) {
  return bag.request('PUT', '/api/auth/password', { current_password: current, new_password: password }, session)
}
