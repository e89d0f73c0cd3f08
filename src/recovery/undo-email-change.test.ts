import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { allMailSettled, mailedToken, signUpVerified, subjectsTo } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { purge } from '../server/purge.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('an undo restores the old email address, freezes the account and mails a reset link there', async () => {
  const ada = await moved('ada')
  const [thief] = [ada.session]
  assert.equal((await undo(await mailedToken(bag, 'undo-address', ada.email))).status, 200)
  assertError(await bag.request('GET', '/api/auth/account', undefined, thief), 'InvalidSessionError')
  for (const email of [ada.email, ada.newEmail]) {
    assertError(await bag.request('POST', '/api/auth/login', { email, password: ada.password }), 'UnauthorizedError')
  }
  const back = await takeBack(ada.email)
  const { body } = await bag.request('GET', '/api/auth/account', undefined, back)
  assert.deepEqual([body.id, body.email], [ada.id, ada.email])
})

test('an undo also undoes later changes', async () => {
  const grace = await moved('grace')
  const first = await mailedToken(bag, 'undo-address', grace.email)
  await move(grace, 'grace.third@example.org')
  const second = await mailedToken(bag, 'undo-address', grace.newEmail)
  assert.equal((await undo(first)).status, 200)
  await takeBack(grace.email)
  assertError(await undo(second), 'BadTokenError')
  await logIn(bag, { email: grace.email, password: newPassword })
})

test('an undo link survives a reset, because a thief would reset the password next', async () => {
  const alan = await moved('alan')
  const token = await mailedToken(bag, 'undo-address', alan.email)
  await bag.request('POST', '/api/auth/forgot', { email: alan.newEmail })
  const thief = await takeBack(alan.newEmail)
  assert.equal((await undo(token)).status, 200)
  assertError(await bag.request('GET', '/api/auth/account', undefined, thief), 'InvalidSessionError')
  await takeBack(alan.email)
})

test('the old email address is reserved while the change can be undone', async () => {
  const barbara = await moved('barbara')
  const eve = await signedIn('eve')
  const signup = { email: 'Barbara@example.org', password: eve.password }
  assertError(await bag.request('POST', '/api/auth/signup', signup), 'EmailAlreadyExistsError')
  await bag.request('POST', '/api/auth/email', { email: barbara.email, password: eve.password }, eve.session)
  const token = await mailedToken(bag, 'confirm-address', barbara.email)
  assertError(await bag.request('POST', '/api/auth/email/confirm', { token }), 'EmailAlreadyExistsError')
  await passTime(bag, '7 days', barbara)
  assert.equal((await bag.request('POST', '/api/auth/signup', signup)).status, 200)
})

test('no sign-up takes an email address at the moment in which its owner leaves it', async () => {
  for (let round = 0; round < 5; round += 1) {
    const [owner, eve] = [await signedIn(`owner${round}`), await signedIn(`eve${round}`)]
    const newEmail = `owner${round}.new@example.org`
    await ask(owner, newEmail)
    await ask(eve, owner.email)
    const leave = await mailedToken(bag, 'confirm-address', newEmail)
    const slip = await mailedToken(bag, 'confirm-address', owner.email)
    const [left, slipped, signup] = await Promise.all([
      bag.request('POST', '/api/auth/email/confirm', { token: leave }),
      bag.request('POST', '/api/auth/email/confirm', { token: slip }),
      bag.request('POST', '/api/auth/signup', { email: owner.email, password: eve.password }),
    ])
    assert.deepEqual([left.status, slipped.status, signup.status], [200, 400, 400], `round ${round}`)
  }
})

test('a reset request at the previous email address mails the undo link again, once an hour', async () => {
  const ada = await moved('ada.lovelace')
  const first = await mailedToken(bag, 'undo-address', ada.email)
  const told = async () => (await subjectsTo(bag, ada.email)).filter((one) => one === 'Email address changed').length
  for (const asked of [1, 2]) {
    await bag.request('POST', '/api/auth/forgot', { email: ada.email.toUpperCase() })
    assert.equal(await told(), 2, `asked ${asked} times`)
  }
  await passTime(bag, '61 minutes')
  await bag.request('POST', '/api/auth/forgot', { email: ada.email })
  assert.equal(await told(), 3)
  const newest = await mailedToken(bag, 'undo-address', ada.email)
  assert.notEqual(newest, first)
  assert.equal((await undo(newest)).status, 200)
  assertError(await undo(first), 'BadTokenError')
  await takeBack(ada.email)
})

test('an undo link works once and for 7 days', async () => {
  const edsger = await moved('edsger')
  const token = await mailedToken(bag, 'undo-address', edsger.email)
  await passTime(bag, '6 days 23 hours', edsger)
  assert.equal((await undo(token)).status, 200)
  assertError(await undo(token), 'BadTokenError')

  const tony = await moved('tony')
  const late = await mailedToken(bag, 'undo-address', tony.email)
  await passTime(bag, '7 days', tony)
  assertError(await undo(late), 'ExpiredTokenError')
})

test('an account is not deleted while a change can be undone, and the undo cancels the deletion', async () => {
  const leslie = await moved('leslie')
  const token = await mailedToken(bag, 'undo-address', leslie.email)
  const wish = { password: leslie.password, movies: 'delete' }
  const deleted = await bag.request('DELETE', '/api/auth/account', wish, leslie.session)
  assert(Date.parse(deleted.body.deleted_at) > Date.now() + 6 * 86_400_000, deleted.text)
  await purge(bag.db)
  assert.equal((await undo(token)).status, 200)
  await allMailSettled(bag)
  await passTime(bag, '7 days', leslie)
  await purge(bag.db)
  await bag.request('POST', '/api/auth/forgot', { email: leslie.email })
  await takeBack(leslie.email)
})

test('an email address that was never verified is free after a change, which nobody can undo', async () => {
  const squatter = await signUp(bag, 'frances')
  const session = await logIn(bag, squatter)
  await move({ ...squatter, session }, 'eve.of.frances@example.org')
  assert.deepEqual(await subjectsTo(bag, squatter.email), ['Confirm your email address', 'Email address changed'])
  await assert.rejects(mailedToken(bag, 'undo-address', squatter.email))
  await bag.request('POST', '/api/auth/forgot', { email: squatter.email })
  assert.equal((await subjectsTo(bag, squatter.email)).length, 2)
  const { body } = await bag.request(
    'DELETE',
    '/api/auth/account',
    { password: squatter.password, movies: 'keep' },
    session,
  )
  assert(Date.parse(body.deleted_at) < Date.now() + 60_000)
  const owner = await signUp(bag, 'frances', 'the password of the true owner')
  await logIn(bag, owner)
})

test('"this wasn’t me" does not restore an email address that its true owner has signed up with', async () => {
  const squatter = await signUp(bag, 'radia')
  const session = await logIn(bag, squatter)
  const change = { current_password: squatter.password, new_password: 'another one of the squatter' }
  await bag.request('PUT', '/api/auth/password', change, session)
  await move({ ...squatter, password: change.new_password, session }, 'eve.of.radia@example.org')
  const report = await mailedToken(bag, 'not-me', squatter.email)
  const owner = await signUp(bag, 'radia', 'the password of the true owner')
  assert.equal((await bag.request('POST', '/api/auth/not-me', { token: report })).status, 200)
  await logIn(bag, owner)
  assertError(await bag.request('GET', '/api/auth/account', undefined, session), 'InvalidSessionError')
})

const newPassword = 'only the owner knows this one'

/** Sets a new password with the newest reset link there, and logs in. */
async function takeBack(email: string) {
  const reset = { reset_token: await mailedToken(bag, 'reset', email), password: newPassword }
  const answer = await bag.request('POST', '/api/auth/reset', reset)
  assert.equal(answer.status, 200, answer.text)
  return logIn(bag, { email, password: newPassword })
}

type SignedIn = { id: string; email: string; password: string; session: Record<string, string> }

async function signedIn(name: string): Promise<SignedIn> {
  const account = await signUpVerified(bag, name)
  return { ...account, session: await logIn(bag, account) }
}

/** Somebody whose address a thief has changed. */
async function moved(name: string) {
  const account = await signedIn(name)
  const newEmail = `${name}.new@example.org`
  await move(account, newEmail)
  assert.ok((await subjectsTo(bag, account.email)).includes('Email address changed'))
  return { ...account, newEmail }
}

function ask({ password, session }: SignedIn, email: string) {
  return bag.request('POST', '/api/auth/email', { email, password }, session)
}

async function move(account: SignedIn, email: string): Promise<void> {
  await ask(account, email)
  const token = await mailedToken(bag, 'confirm-address', email)
  assert.equal((await bag.request('POST', '/api/auth/email/confirm', { token })).status, 200)
}

function undo(token: string) {
  return bag.request('POST', '/api/auth/email/undo', { token })
}
