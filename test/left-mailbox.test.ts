// Attacks with mails in a mailbox that the account no longer uses, or that a thief could read.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from './contract.ts'
import { mailedToken, signUpVerified } from './mail-links.ts'
import { logIn, signUp, startMovieBag } from './movie-bag.ts'
import { passTime } from './time.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('an old reset link neither reveals the account’s new email address nor sends mail to it', async () => {
  const { token } = await moveAfterForgot('ada')
  const page = await bag.request('GET', `/reset/${token}`)
  assert.equal(page.status, 404)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const again = await bag.request('POST', '/reset/renew', `reset_token=${token}`, form)
  assert.equal(again.status, 403)
  for (const { text } of [page, again]) assert.doesNotMatch(text, /new\.example/)
  assertError(await bag.request('POST', '/api/auth/reset/renew', { reset_token: token }), 'BadTokenError')
})

test('"this wasn’t me" in an old mail cannot block resets of an account that has moved', async () => {
  const { notMe, newEmail } = await moveAfterForgot('grace')
  assertError(await bag.request('POST', '/api/auth/not-me', { token: notMe }), 'BadTokenError')
  await passTime(bag, '2 minutes')
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email: newEmail })).status, 200)
  assert.equal((await bag.request('GET', `/reset/${await mailedToken(bag, 'reset', newEmail)}`)).status, 200)
})

test('a reset link mailed to a thief does not reveal the restored email address', async () => {
  const { email, newEmail } = await moveAfterForgot('barbara')
  await passTime(bag, '2 minutes')
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email: newEmail })).status, 200)
  const token = await mailedToken(bag, 'reset', newEmail)
  const undo = { token: await mailedToken(bag, 'undo-address', email) }
  assert.equal((await bag.request('POST', '/api/auth/email/undo', undo)).status, 200)
  assert.equal((await bag.request('GET', `/reset/${token}`)).status, 404)
  assertError(await bag.request('POST', '/api/auth/reset/renew', { reset_token: token }), 'BadTokenError')
})

test('changing the password revokes a pending change of the email address', async () => {
  const alan = await signUp(bag, 'alan')
  const [owner, thief] = [await logIn(bag, alan), await logIn(bag, alan)]
  await bag.request('POST', '/api/auth/email', { email: 'eve@example.org', password: alan.password }, thief)
  const token = await mailedToken(bag, 'confirm-address', 'eve@example.org')
  const change = { current_password: alan.password, new_password: 'the password that Alan chose' }
  assert.equal((await bag.request('PUT', '/api/auth/password', change, owner)).status, 200)
  assertError(await bag.request('POST', '/api/auth/email/confirm', { token }), 'BadTokenError')
})

/** Signs a person up who requests a reset and then changes the email address. */
async function moveAfterForgot(name: string) {
  const account = await signUpVerified(bag, name)
  const newEmail = `${name}@new.example`
  await bag.request('POST', '/api/auth/forgot', { email: account.email })
  const token = await mailedToken(bag, 'reset', account.email)
  const notMe = await mailedToken(bag, 'not-me', account.email)
  const change = { email: newEmail, password: account.password }
  assert.equal((await bag.request('POST', '/api/auth/email', change, await logIn(bag, account))).status, 200)
  const confirmation = { token: await mailedToken(bag, 'confirm-address', newEmail) }
  assert.equal((await bag.request('POST', '/api/auth/email/confirm', confirmation)).status, 200)
  return { email: account.email, token, notMe, newEmail }
}
