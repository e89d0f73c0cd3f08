import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { allMailSettled, mailedToken, signUpVerified } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'

const bag = await startMovieBag()
after(() => bag.stop())

const firefox = { 'user-agent': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0' }

test('the history lists events, newest first, with the device', async () => {
  const ada = await signUp(bag, 'ada')
  await logIn(bag, ada)
  const asked = await bag.request('POST', '/api/auth/forgot', { email: ada.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', ada.email), password: 'a new password for ada' }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset, firefox)).status, 200)
  await allMailSettled(bag)
  const session = await logIn(bag, { email: ada.email, password: reset.password })
  const { body, headers } = await bag.request('GET', '/api/auth/history', undefined, session)
  assert.equal(headers.get('cache-control'), 'no-store')
  const events: Entry[] = body
  assert.deepEqual(
    events.map(({ event }) => event).filter((event) => event !== 'mail sent'),
    ['logged in', 'password reset', 'reset requested', 'logged in', 'signed up'],
  )
  assert.equal(events.filter(({ event }) => event === 'mail sent').length, 3)
  assert.equal(events.find(({ event }) => event === 'password reset')?.device, 'Firefox on Windows')
  const request = events.find(({ event }) => event === 'reset requested')
  assert.equal(request?.support_code, asked.body.support_code)
  const times = events.map(({ at }) => Date.parse(at))
  assert.deepEqual(
    times,
    times.toSorted((one, other) => other - one),
  )
})

test('an account reads only its own history, and only with a session', async () => {
  const [grace, eve] = [await signUp(bag, 'grace'), await signUp(bag, 'eve')]
  const session = await logIn(bag, grace)
  await bag.request(
    'PUT',
    '/api/auth/password',
    { current_password: grace.password, new_password: 'changed it' },
    session,
  )
  await allMailSettled(bag)
  const hers: Entry[] = (await bag.request('GET', '/api/auth/history', undefined, await logIn(bag, eve))).body
  assert.deepEqual(new Set(hers.map(({ event }) => event)), new Set(['signed up', 'logged in', 'mail sent']))
  assertError(await bag.request('GET', '/api/auth/history'), 'InvalidSessionError')
})

test('the history has what others do to the account', async () => {
  const alan = await signUpVerified(bag, 'alan')
  const session = await logIn(bag, alan)
  await bag.request('POST', '/api/auth/email', { email: 'thief@example.org', password: alan.password }, session)
  const token = await mailedToken(bag, 'confirm-address', 'thief@example.org')
  await bag.request('POST', '/api/auth/email/confirm', { token })
  await bag.request('POST', '/api/auth/email/undo', { token: await mailedToken(bag, 'undo-address', alan.email) })
  const reset = { reset_token: await mailedToken(bag, 'reset', alan.email), password: alan.password }
  await bag.request('POST', '/api/auth/reset', reset)
  const history: Entry[] = (await bag.request('GET', '/api/auth/history', undefined, await logIn(bag, alan))).body
  assert.deepEqual(
    history.map(({ event }) => event).filter((event) => event !== 'mail sent'),
    [
      'logged in',
      'password reset',
      'account frozen',
      'email change undone',
      'email changed',
      'email change requested',
      'logged in',
      'email verified',
      'signed up',
    ],
  )
})

type Entry = { at: string; event: string; device: string; support_code: string | null }
