import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { allMailSettled, type LinkPage, mailedToken, tokensIn } from '../../test/mail-links.ts'
import { signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { raw, sql } from '../database/database.ts'

const bag = await startMovieBag({ LOG_LEVEL: 'trace', UNKNOWN_ADDRESS_MAIL: 'on', RATE_LIMITS: 'on' })
after(() => bag.stop())

const passwords = ['first', 'second', 'third', 'fourth', 'fifth', 'mistyped'].map((one) => `the ${one} password of ada`)
const [first = '', second = '', third = '', fourth = '', fifth = '', mistyped = ''] = passwords
const secrets = new Set(passwords)
/** The text of all tables. Later, the purge may have deleted rows. */
let searched = ''
const pages: LinkPage[] = ['reset', 'not-me', 'verify', 'confirm-address', 'undo-address']

test('after every event of an account no password or token is in any table or in the log', async () => {
  await liveThrough()
  await allMailSettled(bag)
  for (const mail of [...bag.smtp.mails, ...bag.smtp.verifications]) {
    for (const page of pages) for (const token of tokensIn(mail, page)) secrets.add(token)
  }
  // The passwords, at least 4 access tokens, 2 cookies, and the links of every kind.
  assert.ok(secrets.size > 20, `${secrets.size} secrets`)

  const tables = await dump()
  searched = [...tables.values()].join('\n')
  const empty = [...tables].filter(([, text]) => text === '').map(([name]) => name)
  assert.deepEqual(empty, [], 'these tables were not written to, so the search says nothing about them')
  for (const [place, text] of [...tables, ['the log', bag.log.join('\n')] as const]) {
    for (const secret of secrets) {
      for (const spelling of spellingsOf(secret)) assert.ok(!text.includes(spelling), `${place} holds "${spelling}"`)
    }
  }
})

test('no password and no token is in any table, even for a moment', async (t) => {
  await bag.db.query(sql`create table seen (line text)`)
  await bag.db.query(sql`
    create function see() returns trigger language plpgsql as
    'begin insert into seen values (new::text); return new; end'`)
  t.after(() => bag.db.query(sql`drop function see cascade`))
  for (const table of ['accounts', 'sessions', 'outbox', 'links']) {
    await bag.db.query(sql`
      create trigger see after insert or update on ${raw(table)} for each row execute function see()`)
  }
  const grace = await signUp(bag, 'grace')
  const { body } = await done('POST', '/api/auth/login', grace)
  await done('POST', '/api/auth/forgot', { email: grace.email })
  const reset = { reset_token: await mailedToken(bag, 'reset', grace.email), password: 'the new password of grace' }
  await done('POST', '/api/auth/reset', reset)
  const [seen] = await bag.db.query<{ lines: string }>(sql`select string_agg(line, ' ') as lines from seen`)
  assert.ok(seen?.lines.includes('$argon2id$'), 'nothing was seen')
  for (const secret of [grace.password, reset.password, reset.reset_token, body.token]) {
    assert.ok(!seen?.lines.includes(secret))
  }
})

test('the search would find secrets: it finds email addresses in tables and routes in the log', async () => {
  assert.ok(searched.includes('ada@example.org') && searched.includes('nobody@example.org'))
  assert.ok(bag.log.some((line) => line.includes('POST /api/auth/reset')))
})

/** Signup, verification, logins, reset, both changes, undo, both kinds of "this wasn't me", renewal, and what goes wrong. */
async function liveThrough(): Promise<void> {
  const ada = await signUp(bag, 'ada', first)
  const moved = 'ada.new@example.org'
  await done('POST', '/api/auth/verify', { token: await mailedToken(bag, 'verify', ada.email) })
  const session = await logIn(ada.email, first)
  await refused('POST', '/api/auth/login', { email: ada.email, password: mistyped })

  await done('POST', '/api/auth/forgot', { email: ada.email })
  await done('POST', '/api/auth/forgot', { email: 'nobody@example.org' })
  await done('POST', '/api/auth/not-me', { token: await mailedToken(bag, 'not-me', ada.email) })
  const cancelled = await mailedToken(bag, 'reset', ada.email)
  await refused('POST', '/api/auth/reset', { reset_token: cancelled, password: second })
  await refused('GET', `/reset/${cancelled}`)

  const change = { current_password: first, new_password: second }
  await done('PUT', '/api/auth/password', change, session)
  await done('POST', '/api/auth/email', { email: moved, password: second }, session)
  await done('POST', '/api/auth/email/confirm', { token: await mailedToken(bag, 'confirm-address', moved) })
  await passTime(bag, '2 days')
  await done('POST', '/api/auth/forgot', { email: moved })
  const byThief = { reset_token: await mailedToken(bag, 'reset', moved), password: third }
  await refused('POST', '/api/auth/reset', { ...byThief, password: 'short' })
  await done('POST', '/api/auth/reset', byThief)
  await logIn(moved, third)
  await done('POST', '/api/auth/email/undo', { token: await mailedToken(bag, 'undo-address', ada.email) })

  const back = await mailedToken(bag, 'reset', ada.email)
  await done('GET', `/reset/${back}`)
  await done('POST', '/api/auth/reset', { reset_token: back, password: fourth })
  await done('POST', '/api/auth/not-me', { token: await mailedToken(bag, 'not-me', ada.email) })
  await done('POST', '/api/auth/reset/renew', { reset_token: back })
  const form = `reset_token=${await mailedToken(bag, 'reset', ada.email)}&password=${encodeURIComponent(fifth)}`
  await done('POST', '/reset', form, { 'content-type': 'application/x-www-form-urlencoded' })
  const last = await logIn(ada.email, fifth)
  await addAndDeleteMovie(last)
  await refused('POST', '/api/auth/login', { email: ada.email, password: mistyped })
  for (const path of ['account', 'sessions', 'history', 'export'])
    await done('GET', `/api/auth/${path}`, undefined, last)
  await refused('GET', '/api/auth/account', undefined, { authorization: `${last['authorization']}x` })
  await refused('GET', `/not-there/${back}?token=${back}`, undefined, last)
}

/** Last in the story: a purge, which runs at a random time, deletes for good what was deleted before time passed. */
async function addAndDeleteMovie(session: Record<string, string>): Promise<void> {
  const movie = { name: 'Metropolis', casts: ['Brigitte Helm'], genres: ['Drama'] }
  const { body } = await done('POST', '/api/movies', movie, session)
  const cookie = `movie_bag=${session['authorization']?.replace('Bearer ', '')}`
  assert.equal((await bag.request('POST', `/movies/${body.id}/delete`, undefined, { cookie })).status, 303)
  await done('POST', '/api/movies', movie, session)
}

async function logIn(email: string, password: string): Promise<Record<string, string>> {
  const browser = { 'sec-fetch-site': 'same-origin', 'user-agent': `Mozilla/5.0 Firefox/${secrets.size}.0` }
  const { body, headers } = await done('POST', '/api/auth/login', { email, password }, browser)
  const cookie = /=([^;]+)/.exec(headers.get('set-cookie') ?? '')?.[1]
  if (!cookie) throw new Error('The browser was given no cookie.')
  secrets.add(cookie).add(body.token)
  return { authorization: `Bearer ${body.token}` }
}

async function done(...request: Parameters<typeof bag.request>) {
  const answer = await bag.request(...request)
  assert.equal(answer.status, 200, `${request[0]} ${request[1]}: ${answer.text}`)
  return answer
}

async function refused(...request: Parameters<typeof bag.request>): Promise<void> {
  const { status } = await bag.request(...request)
  assert.ok(status >= 400 && status < 500, `${request[0]} ${request[1]}: ${status}`)
}

/** Every row of every table, as text; bytes are in it as hex. */
async function dump(): Promise<Map<string, string>> {
  const named = await bag.db.query<{ name: string }>(
    sql`select tablename as name from pg_tables where schemaname = 'public'`,
  )
  const tables = new Map<string, string>()
  for (const { name } of named) {
    const rows = await bag.db.query<{ line: string }>(sql`select t::text as line from ${raw(name)} t`)
    tables.set(name, rows.map(({ line }) => line).join('\n'))
  }
  return tables
}

/** A secret as it might lie in a column of text or bytes, or in a line of JSON. */
function spellingsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const parts = secret.split('.').filter((part) => part.length > 20)
  return [secret, ...parts.slice(-1), encodeURIComponent(secret), bytes.toString('hex'), bytes.toString('base64url')]
}
