import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { sql } from '../src/database/database.ts'
import { assertError, type Code } from './contract.ts'
import { allMailSettled } from './mail-links.ts'
import { type Answer, bearer, logIn, signUp, startMovieBag } from './movie-bag.ts'
import { sendRaw } from './raw-http.ts'

// Each fault of the original is a story here: taking over an account, telling strangers who has one, errors, passwords,
// addresses and data. Those of mail and operation are beside this file.

const publicUrl = 'http://movies.example.org'
const bag = await startMovieBag({ PUBLIC_URL: publicUrl })
after(() => bag.stop())
const fields = { casts: ['Brigitte Helm'], genres: ['Drama'] }
const newPassword = 'a new password, and a long one'

async function refused(method: string, path: string, body: unknown, code: Code, session = {}): Promise<Answer> {
  const answer = await bag.request(method, path, body, session)
  assertError(answer, code)
  return answer
}

async function addMovie(name: string, session: Record<string, string>): Promise<string> {
  const { status, body, text } = await bag.request('POST', '/api/movies', { name, ...fields }, session)
  assert.equal(status, 200, text)
  return body.id
}

async function resetToken(email: string, order = 1): Promise<string> {
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email })).status, 200)
  return bag.smtp.tokenFor(email, order)
}

function reset(token: string, password = newPassword) {
  return bag.request('POST', '/api/auth/reset', { reset_token: token, password })
}

test('taking over: a sign-up with the id of another account is refused', async () => {
  const ada = await signUp(bag, 'ada')
  for (const id of ['id', '_id']) {
    const eve = { [id]: ada.id, email: 'eve@example.org', password: 'the long password of eve' }
    await refused('POST', '/api/auth/signup', eve, 'SchemaValidationError')
  }
  await logIn(bag, ada)
})

test('taking over: a movie with the id of another movie is refused', async () => {
  const ada = await logIn(bag, await signUp(bag, 'ada-of-metropolis'))
  const eve = await logIn(bag, await signUp(bag, 'eve-of-metropolis'))
  const id = await addMovie('Metropolis', ada)
  for (const key of ['id', '_id']) {
    await refused('POST', '/api/movies', { [key]: id, name: 'Mine', ...fields }, 'SchemaValidationError', eve)
  }
  assert.equal((await bag.request('GET', `/api/movies/${id}`)).body.name, 'Metropolis')
})

test('taking over: operators and owners are no fields of a change', async () => {
  const account = await signUp(bag, 'ada-of-solaris')
  const ada = await logIn(bag, account)
  const id = await addMovie('Solaris', ada)
  const changes = [{ $set: { name: 'x' } }, { set__name: 'x' }, { added_by: 'x' }, { 'casts.0': 'x' }, { id: '1' }]
  for (const change of changes) await refused('PUT', `/api/movies/${id}`, change, 'SchemaValidationError', ada)
  const movie = { id, name: 'Solaris', ...fields, year: null, notes: null, added_by: account.id }
  assert.deepEqual((await bag.request('GET', `/api/movies/${id}`)).body, movie)
})

test('taking over: an object is no e-mail, no password and no token', async () => {
  const { email, password } = await signUp(bag, 'ada-the-string')
  for (const operator of [{ $regex: '.*' }, { $ne: null }, { $gt: '' }]) {
    for (const path of ['/api/auth/login', '/api/auth/signup']) {
      await refused('POST', path, { email: operator, password }, 'SchemaValidationError')
      await refused('POST', path, { email, password: operator }, 'SchemaValidationError')
    }
    await refused('POST', '/api/auth/forgot', { email: operator }, 'SchemaValidationError')
    const body = { reset_token: operator, password: newPassword }
    await refused('POST', '/api/auth/reset', body, 'SchemaValidationError')
  }
})

test('taking over: an access token resets nothing, and a reset token signs nobody in', async () => {
  const ada = await signUp(bag, 'ada-of-tokens')
  const session = await logIn(bag, ada)
  assertError(await reset(session['authorization']?.replace('Bearer ', '') ?? ''), 'BadTokenError')
  const token = await resetToken(ada.email)
  await refused('POST', '/api/movies', { name: 'x', ...fields }, 'InvalidSessionError', bearer(token))
  assert.equal((await reset(token)).status, 200)
})

test('taking over: a reset token works once, and none works after a later reset', async () => {
  const { email } = await signUp(bag, 'ada-of-two-mails')
  const first = await resetToken(email)
  await allMailSettled(bag)
  await bag.db.query(sql`update outbox set closed_at = now() - interval '2 hours'`)
  const second = await resetToken(email, 2)
  assert.equal((await reset(second)).status, 200)
  for (const token of [first, second]) assertError(await reset(token, 'another long password'), 'BadTokenError')
  await logIn(bag, { email, password: newPassword })
})

test('taking over: no session survives the reset', async () => {
  const ada = await signUp(bag, 'ada-of-sessions')
  const sessions = [await logIn(bag, ada), await logIn(bag, ada)]
  assert.equal((await reset(await resetToken(ada.email))).status, 200)
  for (const session of sessions) {
    await refused('POST', '/api/movies', { name: 'x', ...fields }, 'InvalidSessionError', session)
  }
})

test('taking over: no password and no token is in the database, not for a moment', async (t) => {
  const client = new Client({ connectionString: bag.databaseUrl })
  await client.connect()
  t.after(() => client.end())
  await client.query(`
    create table seen (what text);
    create function see() returns trigger language plpgsql as 'begin insert into seen values (new::text); return new; end'`)
  for (const table of ['accounts', 'sessions', 'outbox', 'links']) {
    await client.query(`create trigger see after insert or update on ${table} for each row execute function see()`)
  }
  const ada = await signUp(bag, 'ada-the-seen')
  const { authorization = '' } = await logIn(bag, ada)
  const token = await resetToken(ada.email)
  assert.equal((await reset(token)).status, 200)
  const { rows } = await client.query<{ what: string }>('select what from seen')
  assert(
    rows.some(({ what }) => what.includes('$argon2id$')),
    'nothing was seen',
  )
  for (const secret of [ada.password, newPassword, token, authorization.replace('Bearer ', '')]) {
    assert.deepEqual(
      rows.filter(({ what }) => what.includes(secret)),
      [],
    )
  }
})

test('taking over: the link is never built from the Host header', async () => {
  const { email } = await signUp(bag, 'ada-of-links')
  const body = JSON.stringify({ email })
  const lines = ['Host: eve.example.com', 'X-Forwarded-Host: eve.example.com', 'Content-Type: application/json']
  const request = ['POST /api/auth/forgot HTTP/1.1', ...lines, `Content-Length: ${body.length}`, '', body].join('\r\n')
  assert.equal((await sendRaw(bag.url, request)).status, 200)
  const { text, html, raw } = await bag.smtp.mailTo(email)
  for (const half of [text, html]) assert.match(String(half), new RegExp(`${publicUrl}/reset/[a-z2-7]{26}`))
  assert.doesNotMatch(raw, /eve\.example/)
})

test('telling strangers: forgot answers alike for known and unknown addresses, however often it is asked', async () => {
  const { email } = await signUp(bag, 'ada-the-private')
  for (let round = 0; round < 3; round++) {
    const known = await bag.request('POST', '/api/auth/forgot', { email })
    const unknown = await bag.request('POST', '/api/auth/forgot', { email: 'nobody@example.org' })
    assert.equal(known.status, 200)
    assert.equal(known.status, unknown.status)
    assert.deepEqual([...known.headers.keys()], [...unknown.headers.keys()])
    assert.deepEqual(withoutCode(known), withoutCode(unknown))
  }
})

test('telling strangers: forgot cannot tell by its time either, for it never looks at the accounts', async (t) => {
  const { email, password } = await signUp(bag, 'ada-the-hidden')
  const client = new Client({ connectionString: bag.databaseUrl })
  await client.connect()
  await client.query('alter table accounts rename column email_canonical to hidden')
  t.after(async () => {
    await client.query('alter table accounts rename column hidden to email_canonical')
    await client.end()
  })
  await refused('POST', '/api/auth/login', { email, password }, 'InternalServerError')
  for (const address of [email, 'nobody@example.org']) {
    assert.equal((await bag.request('POST', '/api/auth/forgot', { email: address })).status, 200)
  }
})

test('telling strangers: login answers alike for known and unknown addresses, also beyond the limit of failures', async () => {
  const { email } = await signUp(bag, 'ada-the-guessed')
  for (const failures of [0, 1000]) {
    await bag.db.query(sql`update rate_limits set points = ${failures}`)
    const known = await bag.request('POST', '/api/auth/login', { email, password: 'a wrong password' })
    const unknown = await bag.request('POST', '/api/auth/login', {
      email: 'no@example.org',
      password: 'a wrong password',
    })
    assertError(known, 'UnauthorizedError')
    assert.deepEqual([known.status, known.text], [unknown.status, unknown.text])
    assert.deepEqual([...known.headers.keys()], [...unknown.headers.keys()])
  }
})

test('errors: an expired reset token is ExpiredTokenError, and no 500', async () => {
  const { email } = await signUp(bag, 'ada-the-late')
  const token = await resetToken(email)
  await bag.db.query(sql`update links set expires_at = now() - interval '1 second' where ended_at is null`)
  assertError(await reset(token), 'ExpiredTokenError')
})

test('errors: an unknown e-mail is no 500: kept private, or told where the settings say so', async (t) => {
  const nobody = { email: 'nobody@example.org' }
  assert.equal((await bag.request('POST', '/api/auth/forgot', nobody)).status, 200)
  const telling = await startMovieBag({ ACCOUNT_PRIVACY: 'reveal' })
  t.after(() => telling.stop())
  assertError(await telling.request('POST', '/api/auth/forgot', nobody), 'EmailDoesnotExistsError')
  const ada = await signUp(telling, 'ada')
  assert.equal((await telling.request('POST', '/api/auth/forgot', { email: ada.email })).status, 200)
})

test('errors: a bad bearer token is InvalidSessionError, and no 500', async () => {
  for (const token of ['', 'x', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.', '\u00ff']) {
    await refused('POST', '/api/movies', { name: 'x', ...fields }, 'InvalidSessionError', bearer(token))
  }
})

test('passwords: one letter is refused, no byte is cut off, and NUL is the fault of who sends it', async () => {
  for (const password of ['a', 'a long\0password']) {
    await refused('POST', '/api/auth/signup', { email: 'short@example.org', password }, 'SchemaValidationError')
  }
  const { email } = await signUp(bag, 'ada-the-long', `${'x'.repeat(72)}a`)
  await refused('POST', '/api/auth/login', { email, password: `${'x'.repeat(72)}b` }, 'UnauthorizedError')
  await refused('POST', '/api/auth/login', { email, password: 'a\0b' }, 'UnauthorizedError')
})

test('addresses: no two accounts differ in case only', async () => {
  const { email } = await signUp(bag, 'ada-the-small')
  const loud = { email: email.toUpperCase(), password: 'another long password' }
  await refused('POST', '/api/auth/signup', loud, 'EmailAlreadyExistsError')
})

function withoutCode({ body }: Answer): unknown {
  const { support_code: code, ...rest } = body
  assert.match(code, /^[2-9A-Z]{6}$/)
  return rest
}
