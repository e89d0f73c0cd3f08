// Attacks that would have got in or stopped the service (docs/attack.md).
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import pg from 'pg'
import { raw, sql } from '../src/database/database.ts'
import { startFaultySmtp } from './faulty-smtp.ts'
import { allMailSettled, subjectsTo, verifyEmail } from './mail-links.ts'
import { logIn, signUp, startMovieBag } from './movie-bag.ts'
import { until } from './service.ts'
import { passTime } from './time.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('an email address as long as the body limit allows costs no time', async () => {
  const email = `eve@a.${'a'.repeat(95_000)}-`
  const routes = ['forgot', 'login', 'signup'].flatMap((route) => Array<string>(5).fill(`/api/auth/${route}`))
  const answers = await Promise.all(
    routes.map((route) => bag.request('POST', route, { email, password: 'of Eve, long' })),
  )
  assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([400, 401]))
})

test('the database cancels a slow statement, and does not just lose its client', async (t) => {
  const blocker = new pg.Client(bag.databaseUrl)
  await blocker.connect()
  t.after(() => blocker.end())
  await blocker.query('begin; lock table movies')
  const answers = await Promise.all(Array.from({ length: 5 }, () => bag.request('GET', '/api/movies')))
  assert.deepEqual(new Set(answers.map((answer) => answer.body.code)), new Set(['ServiceUnavailableError']))
  // Background work, such as deleting accounts that are due, may have begun to wait.
  const waiting = `
    select query from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query !~ 'delete from'`
  await until(async () => (await blocker.query(waiting)).rows.length === 0, 'the statements to be cancelled')
  await blocker.query('rollback')
  assert.equal((await bag.request('GET', '/api/movies')).status, 200)
})

test('requests that wait for a connection fail early while statements are stuck', async (t) => {
  const blocker = new pg.Client(bag.databaseUrl)
  await blocker.connect()
  t.after(() => blocker.end())
  await blocker.query('begin; lock table movies')
  const from = performance.now()
  const ask = async () => [(await bag.request('GET', '/api/movies')).body.code, performance.now() - from] as const
  const answers = await Promise.all(Array.from({ length: 50 }, ask))
  assert.deepEqual(new Set(answers.map(([code]) => code)), new Set(['ServiceUnavailableError']))
  const times = answers.map(([, time]) => time)
  // With ten connections, waiting for every turn would take five times as long as the first.
  assert.ok(Math.max(...times) < 3.5 * Math.min(...times), `${Math.min(...times)} to ${Math.max(...times)} ms`)
})

test('statements composed in many ways, such as searches, do not fill the database’s memory', async () => {
  for (let way = 0; way < 400; way += 1) {
    assert.deepEqual(await bag.db.query(sql`select ${raw(String(way))}::int as way`), [{ way }])
  }
  const [prepared] = await bag.db.query<{ count: number }>(
    sql`select count(*)::int as count from pg_prepared_statements`,
  )
  assert.ok((prepared?.count ?? 0) <= 300, `${prepared?.count} of 400`)
})

test('a mail names only devices from a list, not what a stranger made up', async () => {
  const grace = await signUp(bag, 'grace')
  await bag.request('POST', '/api/auth/forgot', { email: grace.email })
  const body = { reset_token: await bag.smtp.tokenFor(grace.email), password: 'the password that Eve chose' }
  const userAgent = { 'user-agent': 'www.evil.example/5.0 (Windows NT 10.0; Win64; x64)' }
  assert.equal((await bag.request('POST', '/api/auth/reset', body, userAgent)).status, 200)
  const { text = '', html } = await bag.smtp.mailTo(grace.email, 2)
  assert.match(text, /Device: Windows/)
  for (const half of [text, html || '']) assert.ok(!half.includes('evil'))
})

test('"this wasn’t me" in an older mail sends the link to the owner, even if a thief moved the account', async () => {
  const ada = await signUp(bag, 'ada')
  const thief = await logIn(bag, ada)
  const change = { current_password: ada.password, new_password: 'the password that Eve chose' }
  assert.equal((await bag.request('PUT', '/api/auth/password', change, thief)).status, 200)
  const notice = await bag.smtp.mailTo(ada.email)
  await changeEmail('eve@example.org', change.new_password, thief)

  const token = findToken(notice.text, 'not-me')
  assert.equal((await bag.request('POST', '/api/auth/not-me', { token })).status, 200)
  const reset = { reset_token: await resetTokenFor(ada.email), password: 'the password that Ada chose' }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  await logIn(bag, { email: ada.email, password: reset.password })
  assert.ok(
    !bag.smtp.mails.some(({ recipients, text }) => recipients[0] === 'eve@example.org' && /reset/.test(text ?? '')),
  )
})

test('mails that a thief received cannot freeze the account once its owner has undone the move', async () => {
  const alan = await signUp(bag, 'alan')
  await verifyEmail(bag, alan)
  const thief = await logIn(bag, alan)
  await changeEmail('mallory@example.org', alan.password, thief)
  const change = { current_password: alan.password, new_password: 'the password that Eve chose' }
  assert.equal((await bag.request('PUT', '/api/auth/password', change, thief)).status, 200)
  const lever = findToken((await mailWith('mallory@example.org', 'not-me')).text, 'not-me')
  const undo = findToken((await mailWith(alan.email, 'undo-address')).text, 'undo-address')
  assert.equal((await bag.request('POST', '/api/auth/email/undo', { token: undo })).status, 200)
  const reset = { reset_token: await resetTokenFor(alan.email), password: 'the password that Alan chose' }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  assert.equal((await bag.request('POST', '/api/auth/not-me', { token: lever })).body.code, 'BadTokenError')
  await logIn(bag, { email: alan.email, password: reset.password })
})

test('mails that a thief received cannot freeze the account after the owner’s "this wasn’t me"', async () => {
  const edsger = await signUp(bag, 'edsger')
  const thief = await logIn(bag, edsger)
  const first = { current_password: edsger.password, new_password: 'the password that Eve chose' }
  assert.equal((await bag.request('PUT', '/api/auth/password', first, thief)).status, 200)
  const older = findToken((await mailWith(edsger.email, 'not-me')).text, 'not-me')
  await changeEmail('trent@example.org', first.new_password, thief)
  const second = { current_password: first.new_password, new_password: 'another one that Eve chose' }
  assert.equal((await bag.request('PUT', '/api/auth/password', second, thief)).status, 200)
  const lever = findToken((await mailWith('trent@example.org', 'not-me')).text, 'not-me')
  assert.equal((await bag.request('POST', '/api/auth/not-me', { token: older })).status, 200)
  const reset = { reset_token: await resetTokenFor(edsger.email), password: 'the password that Edsger chose' }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  assert.equal((await bag.request('POST', '/api/auth/not-me', { token: lever })).body.code, 'BadTokenError')
  await logIn(bag, { email: edsger.email, password: reset.password })
})

test('a deferred mail about a new password goes to the email address of that time', async (t) => {
  const smtp = await startFaultySmtp()
  const slow = await startMovieBag({}, smtp)
  t.after(async () => {
    await slow.stop()
    await smtp.stop()
  })
  const ada = await signUp(slow, 'ada')
  await allMailSettled(slow)
  smtp.fault = (point, line) =>
    point === 'RCPT' && line.includes(ada.email) ? { reply: '451 4.7.1 Greylisted' } : undefined
  const thief = await logIn(slow, ada)
  const change = { current_password: ada.password, new_password: 'the password that Eve chose' }
  assert.equal((await slow.request('PUT', '/api/auth/password', change, thief)).status, 200)
  const isDeferred = async () => (await slow.db.query(sql`select id from outbox where state = 'deferred'`)).length > 0
  await until(isDeferred, 'the mail to be deferred')
  const emailChange = { email: 'eve@example.org', password: change.new_password }
  assert.equal((await slow.request('POST', '/api/auth/email', emailChange, thief)).status, 200)
  const confirmation = { token: findToken((await smtp.mailTo(emailChange.email)).text, 'confirm-address') }
  assert.equal((await slow.request('POST', '/api/auth/email/confirm', confirmation)).status, 200)
  smtp.fault = () => undefined
  await slow.db.query(sql`update outbox set due_at = now() where closed_at is null`)
  const subjects = await subjectsTo(slow, ada.email)
  assert.ok(subjects.includes('Password changed'), `${subjects}`)
  assert.deepEqual(await subjectsTo(slow, emailChange.email), ['Confirm your new email address'])
})

test('a login from a new device is mailed even if no earlier session is kept', async () => {
  const barbara = await signUp(bag, 'barbara')
  await passTime(bag, '1 year', barbara)
  await logIn(bag, barbara)
  assert.equal((await bag.smtp.mailTo(barbara.email)).subject, '[Movie-bag] New login')
})

async function changeEmail(email: string, password: string, session: Record<string, string>): Promise<void> {
  assert.equal((await bag.request('POST', '/api/auth/email', { email, password }, session)).status, 200)
  const token = findToken((await mailWith(email, 'confirm-address')).text, 'confirm-address')
  assert.equal((await bag.request('POST', '/api/auth/email/confirm', { token })).status, 200)
}

async function resetTokenFor(email: string): Promise<string> {
  return findToken((await mailWith(email, 'reset')).text, 'reset')
}

async function mailWith(email: string, path: string) {
  const find = () =>
    bag.smtp.mails.findLast(({ recipients, text }) => recipients[0] === email && text?.includes(`/${path}/`))
  await until(() => find() !== undefined, `a mail to ${email} with a link to /${path}/`)
  const mail = find()
  assert.ok(mail)
  return mail
}

function findToken(text: string | undefined, path: string): string {
  const token = new RegExp(`/${path}/([a-z2-7]{26})\\s`).exec(text ?? '')?.[1]
  assert.ok(token, text)
  return token
}
