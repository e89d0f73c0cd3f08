import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startFaultySmtp } from '../../test/faulty-smtp.ts'
import { allMailSettled, subjectsTo } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { makeRetriesDue } from '../../test/time.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())

const newPassword = 'a new password, and a long one'

test('a forgotten password is reset by mail, and the account is otherwise unchanged', async () => {
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
  const confirmation = await bag.smtp.mailTo(ada.email, 2)
  assert.equal(confirmation.subject, '[Movie-bag] Password reset successful')
  const oldLogin = await bag.request('POST', '/api/auth/login', { email: ada.email, password: ada.password })
  assert.equal(oldLogin.status, 401)
  const newSession = await logIn(bag, { email: ada.email, password: newPassword })
  assert.equal((await bag.request('DELETE', `/api/movies/${added.body.id}`, undefined, session)).status, 401)
  assert.equal((await bag.request('DELETE', `/api/movies/${added.body.id}`, undefined, newSession)).status, 200)
})

test('no session survives a reset', async () => {
  const edsger = await signUp(bag, 'edsger')
  const sessions = [await logIn(bag, edsger), await logIn(bag, edsger)]
  await bag.request('POST', '/api/auth/forgot', { email: edsger.email })
  const body = { reset_token: await bag.smtp.tokenFor(edsger.email), password: newPassword }
  assert.equal((await bag.request('POST', '/api/auth/reset', body)).status, 200)
  for (const session of sessions) {
    assert.equal((await bag.request('GET', '/api/auth/account', undefined, session)).status, 401)
  }
})

test('a reset that fails halfway leaves the link, the old password and the sessions', async () => {
  const alan = await signUp(bag, 'alan')
  const session = await logIn(bag, alan)
  await bag.request('POST', '/api/auth/forgot', { email: alan.email })
  const body = { reset_token: await bag.smtp.tokenFor(alan.email), password: newPassword }
  await bag.db.query(sql`
    create function fail() returns trigger language plpgsql as 'begin raise exception ''half way''; end'`)
  await bag.db.query(sql`
    create trigger fail after insert on outbox for each row
    when (new.kind = 'password-reset-successful') execute function fail()`)
  assert.equal((await bag.request('POST', '/api/auth/reset', body)).status, 500)
  await bag.db.query(sql`drop trigger fail on outbox`)

  assert.equal((await bag.request('GET', '/api/auth/account', undefined, session)).status, 200)
  await logIn(bag, alan)
  const history = await bag.request('GET', '/api/auth/history', undefined, session)
  assert.ok(!history.body.some(({ event }: { event: string }) => event === 'password reset'))
  assert.equal((await bag.request('POST', '/api/auth/reset', body)).status, 200)
  assert.equal((await bag.request('GET', '/api/auth/account', undefined, session)).status, 401)
  await logIn(bag, { email: alan.email, password: newPassword })
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

test('a mail that the server may have lost is sent again only while its link is live', async (t) => {
  const smtp = await startFaultySmtp()
  const other = await startMovieBag({}, smtp)
  t.after(async () => {
    await other.stop()
    await smtp.stop()
  })
  const [ada, grace] = [await signUp(other, 'ada'), await signUp(other, 'grace')]
  await allMailSettled(other)
  // The server takes each mail, and its acknowledgement is lost.
  smtp.fault = (point) => (point === 'end of message' ? 'cut' : undefined)
  for (const { email } of [ada, grace]) await other.request('POST', '/api/auth/forgot', { email })
  const reset = { reset_token: await smtp.tokenFor(ada.email), password: newPassword }
  await smtp.tokenFor(grace.email)
  assert.equal((await other.request('POST', '/api/auth/reset', reset)).status, 200)
  smtp.fault = () => undefined
  await until(async () => {
    for (const account of [ada, grace]) await makeRetriesDue(other, account)
    return smtp.mails.filter(({ recipients }) => recipients.includes(grace.email)).length === 2
  }, 'the second mail to Grace')
  await allMailSettled(other)
  const subjects = await subjectsTo(other, ada.email)
  assert.equal(subjects.filter((subject) => subject === 'Reset Your Password').length, 1)
})
