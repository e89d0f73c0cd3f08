import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { allMailSettled, mailedToken, subjectsTo } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { expireLinks } from '../../test/time.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('the email address changes only once the new one is confirmed', async () => {
  const ada = await signedIn('ada')
  assert.equal((await ask(ada, 'ada.new@example.org')).status, 200)
  assert.deepEqual(await addressesOf(ada), ['ada@example.org', 'ada.new@example.org', false])
  await logIn(bag, ada)
  const token = await mailedToken(bag, 'confirm-address', 'ada.new@example.org')
  assert.equal((await confirm(token)).status, 200)
  assert.deepEqual(await addressesOf(ada), ['ada.new@example.org', null, true])
  await logIn(bag, { ...ada, email: 'ada.new@example.org' })
  assertError(await bag.request('POST', '/api/auth/login', ada), 'UnauthorizedError')
  assert.deepEqual(await subjectsTo(bag, 'ada@example.org'), ['Confirm your email address', 'Email address changed'])
  assert.deepEqual(await subjectsTo(bag, 'ada.new@example.org'), ['Confirm your new email address'])
  assertError(await confirm(token), 'BadTokenError')
})

test('changing the email address takes the password', async () => {
  const grace = await signedIn('grace')
  const wish = { email: 'eve@example.org', password: 'not the password' }
  assertError(await bag.request('POST', '/api/auth/email', wish, grace.session), 'UnauthorizedError')
  assertError(
    await bag.request('POST', '/api/auth/email', { ...wish, password: grace.password }),
    'InvalidSessionError',
  )
  assert.deepEqual(await addressesOf(grace), ['grace@example.org', null, false])
})

test('a change of the email address revokes the reset links mailed to the old one', async () => {
  const alan = await signedIn('alan')
  await bag.request('POST', '/api/auth/forgot', { email: alan.email })
  const token = await mailedToken(bag, 'reset', alan.email)
  await move(alan, 'alan.new@example.org')
  const reset = { reset_token: token, password: 'a password of whoever reads the old mail' }
  assertError(await bag.request('POST', '/api/auth/reset', reset), 'BadTokenError')
})

test('a taken email address is reported only to its reader, and the link stays live', async () => {
  const barbara = await signedIn('barbara')
  const other = await signedIn('other')
  assert.equal((await ask(barbara, other.email)).status, 200)
  const token = await mailedToken(bag, 'confirm-address', other.email)
  assertError(await confirm(token), 'EmailAlreadyExistsError')
  assert.deepEqual(await addressesOf(barbara), ['barbara@example.org', 'other@example.org', false])
  await bag.request('DELETE', '/api/auth/account', { password: other.password, movies: 'keep' }, other.session)
  assert.equal((await confirm(token)).status, 200)
})

test('only the newer of two requested changes can be confirmed', async () => {
  const edsger = await signedIn('edsger')
  await ask(edsger, 'first@example.org')
  const first = await mailedToken(bag, 'confirm-address', 'first@example.org')
  await ask(edsger, 'second@example.org')
  const second = await mailedToken(bag, 'confirm-address', 'second@example.org')
  assertError(await confirm(first), 'BadTokenError')
  assert.equal((await confirm(second)).status, 200)
  assert.deepEqual(await addressesOf(edsger), ['second@example.org', null, true])
})

test('racing requests never change to an email address that was not confirmed', async () => {
  const tony = await signedIn('tony')
  await ask(tony, 'clicked@example.org')
  const token = await mailedToken(bag, 'confirm-address', 'clicked@example.org')
  for (let round = 0; round < 5; round += 1) {
    await Promise.all([
      ask(tony, 'silent@example.org'),
      confirm(token),
      confirm(token),
      ask(tony, 'clicked@example.org'),
    ])
    const [email] = await addressesOf(tony)
    assert.notEqual(email, 'silent@example.org')
  }
})

test('concurrent confirmations change the email address once', async () => {
  const leslie = await signedIn('leslie')
  await ask(leslie, 'leslie.new@example.org')
  const token = await mailedToken(bag, 'confirm-address', 'leslie.new@example.org')
  const answers = await Promise.all(Array.from({ length: 10 }, () => confirm(token)))
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, ...Array(9).fill(403)])
  assert.equal((await subjectsTo(bag, leslie.email)).filter((subject) => subject === 'Email address changed').length, 1)
})

test('a reset revokes a pending change', async () => {
  const john = await signedIn('john')
  await ask(john, 'john.new@example.org')
  const confirmation = await mailedToken(bag, 'confirm-address', 'john.new@example.org')
  await bag.request('POST', '/api/auth/forgot', { email: john.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', john.email), password: john.password }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  assertError(await confirm(confirmation), 'BadTokenError')
})

test('a change requested during a reset is refused', async () => {
  const donald = await signedIn('donald')
  await bag.request('POST', '/api/auth/forgot', { email: donald.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', donald.email), password: 'only donald knows this one' }
  const [done] = await Promise.all([
    bag.request('POST', '/api/auth/reset', reset),
    ...Array.from({ length: 6 }, () => ask(donald, 'thief@example.org')),
  ])
  assert.equal(done.status, 200)
  const session = await logIn(bag, { email: donald.email, password: reset.password })
  assert.deepEqual(await addressesOf({ session }), ['donald@example.org', null, true])
})

test('a reset fails if the account changes its email address at the same time', async () => {
  const karen = await signedIn('karen')
  await bag.request('POST', '/api/auth/forgot', { email: karen.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', karen.email), password: 'of whoever reads the old mail' }
  await ask(karen, 'karen.new@example.org')
  const token = await mailedToken(bag, 'confirm-address', 'karen.new@example.org')
  const answers = await bag.db.transaction(async (tx) => {
    await tx.query(sql`select id from accounts where id = ${karen.id} for update`)
    const confirmed = confirm(token)
    await until(async () => (await waiting()) === 1, 'the confirmation to wait for the account')
    const finished = bag.request('POST', '/api/auth/reset', reset)
    await until(async () => (await waiting()) === 2, 'the reset, whose link still lived, to wait behind it')
    return [confirmed, finished]
  })
  const [confirmed, finished] = await Promise.all(answers)
  assert.equal(confirmed?.status, 200)
  assert(finished)
  assertError(finished, 'BadTokenError')
  await logIn(bag, { ...karen, email: 'karen.new@example.org' })
})

test('an old confirmation is ExpiredTokenError', async () => {
  const frances = await signedIn('frances')
  await ask(frances, 'frances.new@example.org')
  const token = await mailedToken(bag, 'confirm-address', 'frances.new@example.org')
  await expireLinks(bag, frances)
  assertError(await confirm(token), 'ExpiredTokenError')
})

test('a changed email address can be changed back', async () => {
  const radia = await signedIn('radia')
  await move(radia, 'radia.new@example.org')
  await move(radia, 'radia@example.org')
  assert.deepEqual(await addressesOf(radia), ['radia@example.org', null, true])
})

test('anything but one email address is refused first', async () => {
  const margaret = await signedIn('margaret')
  for (const email of [
    'a@b',
    'a@example.org, b@example.org',
    'Eve <eve@example.org>',
    'a@example.org\r\nBcc: b@c.de',
  ]) {
    assertError(await ask(margaret, email), 'SchemaValidationError', ['email'])
  }
  await allMailSettled(bag)
  assert.deepEqual(await addressesOf(margaret), ['margaret@example.org', null, false])
})

/** How many statements wait for a lock. */
async function waiting(): Promise<number> {
  const rows = await bag.db.query(sql`
    select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
  return rows.length
}

type SignedIn = { id: string; email: string; password: string; session: Record<string, string> }

async function signedIn(name: string): Promise<SignedIn> {
  const account = await signUp(bag, name)
  return { ...account, session: await logIn(bag, account) }
}

function ask({ password, session }: SignedIn, email: string) {
  return bag.request('POST', '/api/auth/email', { email, password }, session)
}

function confirm(token: string) {
  return bag.request('POST', '/api/auth/email/confirm', { token })
}

async function move(account: SignedIn, email: string): Promise<void> {
  await ask(account, email)
  assert.equal((await confirm(await mailedToken(bag, 'confirm-address', email))).status, 200)
}

async function addressesOf({ session }: Pick<SignedIn, 'session'>) {
  const { body } = await bag.request('GET', '/api/auth/account', undefined, session)
  return [body.email, body.pending_email, body.is_verified]
}
