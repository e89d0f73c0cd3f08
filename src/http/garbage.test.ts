import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { startMovieBag } from '../../test/movie-bag.ts'
import { head, sendRaw } from '../../test/raw-http.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('what is no HTTP is answered like every other error', async () => {
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

test('headers and addresses beyond 16 kB are refused like every other error, with a status of their own', async () => {
  const long = 'a'.repeat(20_000)
  for (const bytes of [head('GET /api/movies HTTP/1.1', `x-long: ${long}`), head(`GET /api/movies/${long} HTTP/1.1`)]) {
    const { status, body } = await sendRaw(bag.url, bytes)
    assert.equal(status, 431)
    assert.equal(body.status, 431)
    assert.equal(body.code, 'SchemaValidationError')
  }
})

test('a long address and a bad escape are answered like any other', async () => {
  assertError(await bag.request('GET', `/api/movies/${'1'.repeat(14_000)}`), 'MovieNotExistsError')
  assertError(await bag.request('GET', `/api/${'a'.repeat(14_000)}`), 'NotFoundError')
  for (const bad of ['%', '%zz', '%c3%28', '%ed%a0%80', '%ff']) {
    assertError(await bag.request('GET', `/api/movies/${bad}`), 'SchemaValidationError')
  }
  assertError(await bag.request('GET', '/api/movies/%00'), 'MovieNotExistsError')
  assertError(await bag.request('GET', '/api/movies?after=%zz%00'), 'SchemaValidationError', ['after'])
})

test('an expectation that nobody knows is no obstacle, and an upgrade is not taken', async () => {
  const asked = ['expect: a-miracle', 'connection: upgrade', 'upgrade: websocket']
  for (const header of asked) {
    const { status, body } = await sendRaw(bag.url, head('GET /api/movies HTTP/1.1', header))
    assert.equal(status, 200, header)
    assert.deepEqual(body, [])
  }
})

test('after all this the service still serves', async () => {
  assert.equal((await bag.request('GET', '/health/ready')).status, 200)
  assert.deepEqual(
    bag.log.filter((line) => JSON.parse(line).level >= 50),
    [],
  )
})
