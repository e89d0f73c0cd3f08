import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text as streamText } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { mailedToken } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { head } from '../../test/raw-http.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('the export has the account, sessions, history and movies, and nothing of others', async () => {
  const ada = await signUp(bag, 'ada')
  const grace = await signUp(bag, 'grace')
  await bag.request('DELETE', '/api/auth/session', undefined, await logIn(bag, ada))
  const session = await logIn(bag, ada)
  await bag.request('POST', '/api/auth/email', { email: 'ada@new.example', password: ada.password }, session)
  const confirmation = { token: await mailedToken(bag, 'confirm-address', 'ada@new.example') }
  assert.equal((await bag.request('POST', '/api/auth/email/confirm', confirmation)).status, 200)
  for (const [owner, many] of [
    [ada, 250],
    [grace, 3],
  ] as const) {
    await bag.db.query(sql`
      insert into movies (name, casts, genres, added_by)
      select ${owner.email} || ' ' || n, '{Nobody}', '{Drama}', ${owner.id} from generate_series(1, ${many}) as n`)
  }
  const { status, headers, body } = await bag.request('GET', '/api/auth/export', undefined, session)
  assert.equal(status, 200)
  assert.match(headers.get('content-type') ?? '', /^application\/json/)
  assert.match(headers.get('content-disposition') ?? '', /^attachment/)
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.deepEqual(Object.keys(body), [
    'account',
    'sessions',
    'former_addresses',
    'known_browsers',
    'history',
    'movies',
  ])
  assert.equal(body.account.email, 'ada@new.example')
  const [current, ended] = body.sessions
  assert.deepEqual([current.is_current, current.ended_at, ended.is_current], [true, null, false])
  assert.ok(Date.parse(ended.ended_at) > 0)
  assert.deepEqual(
    body.former_addresses.map(({ email }: { email: string }) => email),
    [ada.email],
  )
  assert.ok(body.known_browsers.every(({ last_used_at }: { last_used_at: string }) => Date.parse(last_used_at) > 0))
  assert.ok(body.movies.every(({ created_at }: { created_at: string }) => Date.parse(created_at) > 0))
  assert.deepEqual(
    body.movies.map(({ name }: { name: string }) => name),
    Array.from({ length: 250 }, (_, index) => `${ada.email} ${index + 1}`),
  )
  assert.ok(body.history.some(({ event }: { event: string }) => event === 'logged in'))
})

test('an export without movies is complete', async () => {
  const alan = await signUp(bag, 'alan')
  const { body } = await bag.request('GET', '/api/auth/export', undefined, await logIn(bag, alan))
  assert.deepEqual(body.movies, [])
})

test('an export of any size is sent in small pieces', async () => {
  const eve = await signUp(bag, 'eve')
  const session = await logIn(bag, eve)
  await bag.db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Eve ' || n, array_fill(repeat('e', 200), '{200}'), '{Noise}', ${eve.id} from generate_series(1, 150) as n`)
  const chunks = chunksIn(await exportAsSent(session))
  const largest = Math.max(...chunks.map((chunk) => chunk.length))
  assert.ok(largest < 100_000, `a piece of ${largest} characters was in memory as a whole`)
  assert.equal(JSON.parse(chunks.join('')).movies.length, 150)
})

/** The body of an export as its bytes came, which no HTTP client would show. */
async function exportAsSent({ authorization = '' }: Record<string, string>): Promise<string> {
  const { port, hostname } = new URL(bag.url)
  const socket = connect(Number(port), hostname)
  socket.write(head('GET /api/auth/export HTTP/1.1', `authorization: ${authorization}`))
  const [, body = ''] = (await streamText(socket)).split(/\r\n\r\n([\s\S]*)/)
  return body
}

/** RFC 9112, 7.1: each piece as it was sent, after its length. */
function chunksIn(body: string): string[] {
  const chunks: string[] = []
  for (let at = 0; at < body.length; ) {
    const start = body.indexOf('\r\n', at) + 2
    const length = Number.parseInt(body.slice(at, start), 16)
    chunks.push(body.slice(start, start + length))
    at = start + length + 2
  }
  return chunks
}
