import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { head, sendRaw } from '../../test/raw-http.ts'
import { until } from '../../test/service.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('a request that is not HTTP gets an error in the usual format', async () => {
  const garbage = {
    'no request': 'this is not HTTP\r\n\r\n',
    'an unknown method': head('DANCE /api/movies HTTP/1.1'),
    'an unknown version': head('GET /api/movies HTTP/9.9'),
    'a header without a colon': head('GET /api/movies HTTP/1.1', 'no colon'),
    'NUL in a header': head('GET /api/movies HTTP/1.1', 'x-header: a\0b'),
    'a TLS handshake': Buffer.from('16030100c8010000c40303', 'hex'),
    'no host': 'GET /api/movies HTTP/1.1\r\nconnection: close\r\n\r\n',
    'a length that is no number': head('POST /api/auth/login HTTP/1.1', 'content-length: many'),
    'two lengths': head('POST /api/auth/login HTTP/1.1', 'content-length: 2', 'content-length: 3'),
    'a length beside chunks': head('POST /api/auth/login HTTP/1.1', 'content-length: 2', 'transfer-encoding: chunked'),
    'chunks under another name': head('POST /api/auth/login HTTP/1.1', 'transfer-encoding: xchunked'),
    'a chunk of no size': `${head('POST /api/auth/login HTTP/1.1', 'content-type: application/json', 'transfer-encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n`,
  }
  for (const [name, bytes] of Object.entries(garbage)) {
    const answer = await sendRaw(bag.url, bytes)
    assert.equal(answer.status, 400, name)
    assertError(answer, 'SchemaValidationError')
  }
})

test('a client that sends no HTTP and keeps its connection open is cut off', async (t) => {
  const { port } = new URL(bag.url)
  const before = openSockets()
  const sockets = Array.from({ length: 50 }, () =>
    connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true }).resume(),
  )
  t.after(() => sockets.map((socket) => socket.destroy()))
  for (const socket of sockets) socket.write('this is not HTTP\r\n\r\n')
  await Promise.all(sockets.map((socket) => once(socket, 'end')))
  const began = performance.now()
  // The halves that are ours are left.
  await until(() => openSockets() < before + 75, 'the service to close 50 connections')
  assert.ok(performance.now() - began < 10_000)
  assert.ok(sockets.every((socket) => socket.writable))
})

test('headers and URLs over 16 kB are refused in the usual format', async () => {
  const long = 'a'.repeat(20_000)
  for (const bytes of [head('GET /api/movies HTTP/1.1', `x-long: ${long}`), head(`GET /api/movies/${long} HTTP/1.1`)]) {
    const { status, body } = await sendRaw(bag.url, bytes)
    assert.equal(status, 431)
    assert.equal(body.status, 431)
    assert.equal(body.code, 'SchemaValidationError')
  }
})

test('a long URL and a bad escape get the usual errors', async () => {
  assertError(await bag.request('GET', `/api/movies/${'1'.repeat(14_000)}`), 'MovieNotExistsError')
  assertError(await bag.request('GET', `/api/${'a'.repeat(14_000)}`), 'NotFoundError')
  for (const bad of ['%', '%zz', '%c3%28', '%ed%a0%80', '%ff']) {
    assertError(await bag.request('GET', `/api/movies/${bad}`), 'SchemaValidationError')
  }
  assertError(await bag.request('GET', '/api/movies/%00'), 'MovieNotExistsError')
  assertError(await bag.request('GET', '/api/movies?after=%zz%00'), 'SchemaValidationError', ['after'])
})

test('an unknown Expect header is ignored, and so is an upgrade', async () => {
  const asked = ['expect: a-miracle', 'connection: upgrade', 'upgrade: websocket']
  for (const header of asked) {
    const { status, body } = await sendRaw(bag.url, head('GET /api/movies HTTP/1.1', header))
    assert.equal(status, 200, header)
    assert.deepEqual(body, [])
  }
})

test('sixteen pipelined requests are answered in order, and then sixteen more', async (t) => {
  const socket = connect(Number(new URL(bag.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  let received = ''
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text
  })
  for (const round of [1, 2]) {
    socket.write(ahead('GET /api/movies').repeat(15) + ahead('GET /%'))
    await until(() => count(received) === 16 * round, '16 answers')
  }
  assert.equal(count(received, '200'), 30)
})

test('a connection that pipelines a thousand requests is closed, and they are not run', async () => {
  for (const what of ['GET /api/openapi.json', 'GET /%', 'GET /no/such/path']) {
    assert.ok((await answersTo(ahead(what).repeat(1000))) <= 16, what)
  }
  const eve = await signUp(bag, 'eve')
  const asEve = await logIn(bag, eve)
  const movies = await bag.db.query<{ id: string }>(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Movie ' || number, '{Eve}', '{Drama}', ${eve.id} from generate_series(1, 101) number
    returning id`)
  const [last, ...others] = movies.map(({ id }) => `DELETE /api/movies/${id}`).reverse()
  const authorization = `authorization: ${asEve['authorization']}`
  assert.ok((await answersTo(others.map((what) => ahead(what, authorization)).join(''))) <= 16)
  // What still runs has its turn before this.
  await sendRaw(bag.url, head(`${last} HTTP/1.1`, authorization))
  const left = await bag.db.query(sql`select id from movies`)
  assert.ok(left.length >= 84 && left.length <= 100, `${left.length} of 101`)
})

test('afterwards the service still works', async () => {
  assert.equal((await bag.request('GET', '/health/ready')).status, 200)
  assert.deepEqual(
    bag.log.filter((line) => JSON.parse(line).level >= 50),
    [],
  )
})

/** How many there are in this process, which is the service's as well. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length
}

/** A request after which others may follow on the same connection. */
function ahead(what: string, ...headers: string[]): string {
  return [`${what} HTTP/1.1`, 'host: localhost', ...headers, '', ''].join('\r\n')
}

function count(answers: string, status = ''): number {
  return answers.split(`HTTP/1.1 ${status}`).length - 1
}

/** How many answers there are on a connection until the service ends it. */
async function answersTo(requests: string): Promise<number> {
  const socket = connect(Number(new URL(bag.url).port), '127.0.0.1')
  let received = ''
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text
  })
  socket.on('error', () => {})
  socket.write(requests)
  await once(socket, 'close', { signal: AbortSignal.timeout(10_000) })
  return count(received)
}
