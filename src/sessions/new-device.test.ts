import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { mailedToken, subjectsTo } from '../../test/mail-links.ts'
import { signUp, startMovieBag } from '../../test/movie-bag.ts'

const bag = await startMovieBag()
after(() => bag.stop())

const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
const safari =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

test('a login from a new device is mailed, except for the first login and known devices', async () => {
  const alan = await signUp(bag, 'alan')
  await logInFrom(firefox, alan)
  await logInFrom(firefox, alan)
  assert.deepEqual(await subjectsTo(bag, alan.email), ['Confirm your e-mail address'])
  await logInFrom(safari, alan)
  await logInFrom(safari, alan)
  assert.deepEqual(await subjectsTo(bag, alan.email), ['Confirm your e-mail address', 'New login'])
  const [mail] = bag.smtp.mails.filter(({ recipients }) => recipients.includes(alan.email))
  assert.match(mail?.text ?? '', /Safari on iOS/)
})

test('"this wasn’t me" in the mail about a new device ends its session', async () => {
  const barbara = await signUp(bag, 'barbara')
  await logInFrom(firefox, barbara)
  const eve = await logInFrom(safari, barbara)
  const token = await mailedToken(bag, 'not-me', barbara.email)
  assert.equal((await bag.request('POST', '/api/auth/not-me', { token })).status, 200)
  const headers = { authorization: `Bearer ${eve.body.token}` }
  assertError(await bag.request('GET', '/api/auth/account', undefined, headers), 'InvalidSessionError')
  assertError(await logInFrom(safari, barbara), 'UnauthorizedError')
})

type Known = { email: string; password: string }

function logInFrom(userAgent: string, { email, password }: Known) {
  return bag.request('POST', '/api/auth/login', { email, password }, { 'user-agent': userAgent })
}
