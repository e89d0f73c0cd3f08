import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'

const bag = await startMovieBag()
after(() => bag.stop())

const newPassword = 'a new password, and a long one'

test('who forgot the password is back in by mail, with the account as it was', async () => {
  const ada = await signUp(bag, 'ada')
  const session = await logIn(bag, ada)
  const added = await bag.request(
    'POST',
    '/api/movies',
    { name: 'Metropolis', casts: ['Brigitte Helm'], genres: ['Drama'] },
    session,
  )
  assert.equal(added.status, 200)

  assert.equal((await bag.request('POST', '/api/auth/forgot', { email: ada.email })).status, 200)
  const mail = await bag.smtp.mailTo(ada.email)
  assert.equal(mail.subject, '[Movie-bag] Reset Your Password')
  assert.equal(mail.from?.text, 'support@movie-bag.com')
  await logIn(bag, ada)

  const token = await bag.smtp.tokenFor(ada.email)
  const reset = await bag.request('POST', '/api/auth/reset', { reset_token: token, password: newPassword })
  assert.equal(reset.status, 200, reset.text)
  const oldLogin = await bag.request('POST', '/api/auth/login', { email: ada.email, password: ada.password })
  assert.equal(oldLogin.status, 401)
  const newSession = await logIn(bag, { email: ada.email, password: newPassword })
  assert.equal((await bag.request('DELETE', `/api/movies/${added.body.id}`, undefined, session)).status, 401)
  assert.equal((await bag.request('DELETE', `/api/movies/${added.body.id}`, undefined, newSession)).status, 200)
  const confirmation = await bag.smtp.mailTo(ada.email, 2)
  assert.equal(confirmation.subject, '[Movie-bag] Password reset successful')
})

test('a reset link works once', async () => {
  const grace = await signUp(bag, 'grace')
  await bag.request('POST', '/api/auth/forgot', { email: grace.email })
  const token = await bag.smtp.tokenFor(grace.email)
  const attempts = Array.from({ length: 50 }, (_, index) =>
    bag.request('POST', '/api/auth/reset', { reset_token: token, password: `${newPassword} ${index}` }),
  )
  const statuses = (await Promise.all(attempts)).map((answer) => answer.status)
  assert.deepEqual(
    [statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 403).length],
    [1, 49],
  )
})
