import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { allMailSettled, mailedToken, subjectsTo, verifyEmail } from '../../test/mail-links.ts'
import { type Answer, logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { passTime } from '../../test/time.ts'
import { type Sql, sql } from '../database/database.ts'
import { purge } from '../server/purge.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('deleting an account removes its sessions and links, and its owner gets a mail', async () => {
  const ada = await signedIn('ada')
  await bag.request('POST', '/api/auth/forgot', { email: ada.email })
  const token = await mailedToken(bag, 'reset', ada.email)
  const answer = await deletion(ada, 'keep')
  assert.equal(answer.status, 200, answer.text)
  assertError(await bag.request('GET', '/api/auth/account', undefined, ada.session), 'InvalidSessionError')
  assertError(await bag.request('POST', '/api/auth/login', credentials(ada)), 'UnauthorizedError')
  const reset = { reset_token: token, password: 'a new password for ada' }
  assertError(await bag.request('POST', '/api/auth/reset', reset), 'BadTokenError')
  assert.deepEqual((await subjectsTo(bag, ada.email)).at(-1), 'Account deleted')
  assert.deepEqual(await rowsAbout(ada.id), [])
  await signUp(bag, 'ada')
})

test('the movies stay, or go, as the owner chooses', async () => {
  const [grace, alan] = [await signedIn('grace'), await signedIn('alan')]
  const kept = await addMovie(grace, 'The General')
  const deleted = await addMovie(alan, 'Sherlock Jr.')
  await deletion(grace, 'keep')
  await deletion(alan, 'delete')
  const { body } = await bag.request('GET', `/api/movies/${kept}`)
  assert.equal(body.added_by, grace.id)
  assertError(await bag.request('GET', `/api/movies/${deleted}`), 'MovieNotExistsError')
})

test('nothing is deleted without the session, the password and a choice about the movies', async () => {
  const barbara = await signedIn('barbara')
  assertError(await deletion({ ...barbara, password: 'not the password' }, 'keep'), 'UnauthorizedError')
  assertError(await deletion({ ...barbara, session: {} }, 'keep'), 'InvalidSessionError')
  assertError(await deletion(barbara, 'burn'), 'SchemaValidationError', ['movies'])
  await logIn(bag, barbara)
})

test('a deletion fails if the password is reset at the same time', async () => {
  const edsger = await signedIn('edsger')
  await bag.request('POST', '/api/auth/forgot', { email: edsger.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', edsger.email), password: 'only edsger knows' }
  const attempts = Array.from({ length: 4 }, () => deletion(edsger, 'delete'))
  const [done] = await Promise.all([bag.request('POST', '/api/auth/reset', reset), ...attempts])
  const deletions = (await Promise.all(attempts)).filter(({ status }) => status === 200)
  // Whichever came first decides, as a whole.
  if (done.status === 200) assert.equal(deletions.length, 0)
  else assert.deepEqual([done.body.code, deletions.length], ['BadTokenError', 1])
})

test('while a change of the email address can be undone, the account is closed; then the purge deletes it', async () => {
  const tony = await signedIn('tony')
  const movie = await addMovie(tony, 'Safety Last!')
  await verifyEmail(bag, tony)
  await moveTo('tony.new@example.org', tony)
  const { body } = await deletion(tony, 'delete')
  assert(Date.parse(body.deleted_at) > Date.now() + 6 * 86_400_000, body.deleted_at)
  const login = { email: 'tony.new@example.org', password: tony.password }
  assertError(await bag.request('POST', '/api/auth/login', login), 'UnauthorizedError')
  await purge(bag.db)
  assert.equal((await bag.request('GET', `/api/movies/${movie}`)).status, 200)

  // The purge leaves an account for later that a mail is being written for.
  await allMailSettled(bag)
  await passTime(bag, '7 days', tony)
  await purge(bag.db)
  assertError(await bag.request('GET', `/api/movies/${movie}`), 'MovieNotExistsError')
  assert.deepEqual(await rowsAbout(tony.id), [])
})

test('a reset reopens a closed account', async () => {
  const leslie = await signedIn('leslie')
  const email = 'leslie.new@example.org'
  await verifyEmail(bag, leslie)
  await moveTo(email, leslie)
  await deletion(leslie, 'delete')
  await bag.request('POST', '/api/auth/forgot', { email })
  const reset = { reset_token: await mailedToken(bag, 'reset', email), password: 'back again, for good' }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  await passTime(bag, '8 days', leslie)
  await purge(bag.db)
  await logIn(bag, { email, password: reset.password })
})

test('a reset link mailed before the account was closed does not reopen it', async () => {
  const john = await signedIn('john')
  const email = 'john.new@example.org'
  await verifyEmail(bag, john)
  await moveTo(email, john)
  await bag.request('POST', '/api/auth/forgot', { email })
  const reset = { reset_token: await mailedToken(bag, 'reset', email), password: 'a password of somebody' }
  await deletion(john, 'keep')
  assertError(await bag.request('POST', '/api/auth/reset', reset), 'BadTokenError')
})

test('a request never fails with 500 while its account is being deleted', async () => {
  const frances = await signedIn('frances')
  await logIn(bag, frances)
  const movie = await addMovie(frances, 'Seven Chances')
  const statuses = await statusesDuringDeletion(
    frances,
    sql`select from accounts where id = ${frances.id} for update`,
    [
      ['DELETE', '/api/auth/sessions'],
      ['DELETE', `/api/movies/${movie}`],
      ['POST', '/api/auth/verify/mail'],
    ],
  )
  assert.deepEqual(statuses, [204, 200, 401])
  assertError(await bag.request('GET', `/api/movies/${movie}`), 'MovieNotExistsError')
  assert.deepEqual(await rowsAbout(frances.id), [])
})

test('nor if its account is deleted right after its session was looked up', async () => {
  const radia = await signedIn('radia')
  const movie = await addMovie(radia, 'Our Hospitality')
  // So that its use is noted, which waits for who has the session's row.
  await passTime(bag, '1 hour', radia)
  const statuses = await statusesDuringDeletion(
    radia,
    sql`select from sessions where account_id = ${radia.id} for update`,
    [
      ['GET', '/api/auth/account'],
      ['GET', '/api/auth/export'],
      ['DELETE', '/api/auth/session'],
      ['DELETE', '/api/auth/sessions'],
      ['DELETE', `/api/movies/${movie}`],
      ['POST', '/api/auth/verify/mail'],
    ],
  )
  assert.deepEqual(statuses, [401, 401, 204, 204, 200, 401])
})

type SignedIn = { id: string; email: string; password: string; session: Record<string, string> }

async function signedIn(name: string): Promise<SignedIn> {
  const account = await signUp(bag, name)
  return { ...account, session: await logIn(bag, account) }
}

function credentials({ email, password }: SignedIn) {
  return { email, password }
}

/** Moves the account to another address, which the one before can undo for 7 days. */
async function moveTo(email: string, { password, session }: SignedIn): Promise<void> {
  await bag.request('POST', '/api/auth/email', { email, password }, session)
  const token = await mailedToken(bag, 'confirm-address', email)
  await bag.request('POST', '/api/auth/email/confirm', { token })
}

function deletion({ password, session }: SignedIn, movies: string) {
  return bag.request('DELETE', '/api/auth/account', { password, movies }, session)
}

async function addMovie({ session }: SignedIn, name: string): Promise<string> {
  const movie = { name, casts: ['Buster Keaton'], genres: ['Comedy'] }
  const { body } = await bag.request('POST', '/api/movies', movie, session)
  return body.id
}

/** What requests are told that wait for the locked rows until the account is gone. */
async function statusesDuringDeletion({ id, session }: SignedIn, lock: Sql, requests: [string, string][]) {
  await allMailSettled(bag)
  const answers: Promise<Answer>[] = []
  await bag.db.transaction(async (tx) => {
    await tx.query(lock)
    for (const [method, path] of requests) answers.push(bag.request(method, path, undefined, session))
    await until(async () => (await waiting()) === requests.length, 'the requests to wait')
    await tx.query(sql`delete from accounts where id = ${id}`)
  })
  return (await Promise.all(answers)).map(({ status }) => status)
}

/** How many statements wait for a lock. */
async function waiting(): Promise<number> {
  const rows = await bag.db.query(sql`
    select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
  return rows.length
}

/** Whatever any table still says of an account, but for the movies it leaves. */
async function rowsAbout(accountId: string) {
  await allMailSettled(bag)
  return bag.db.query(sql`
    select 'account' as what from accounts where id = ${accountId}
    union all select 'session' from sessions where account_id = ${accountId}
    union all select 'mail' from outbox where account_id = ${accountId}
    union all select 'link' from links where account_id = ${accountId}
    union all select 'change of address' from email_changes where account_id = ${accountId}
    union all select 'browser' from known_browsers where account_id = ${accountId}
    union all select 'history' from audit_history where account_id = ${accountId}`)
}
