// Measures how long clients that send slowly or do not read can keep a connection: `npm run slow`. It waits for the limits,
// which takes three minutes, so it is not part of the tests.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from '../src/database/database.ts'
import { signUp, startMovieBag } from '../test/movie-bag.ts'

const head = 'POST /api/auth/forgot HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'

/** What to send first, what to send byte by byte, and after how many seconds the connection must end. */
const slow = {
  'nothing at all': { first: '', rest: '', seconds: 20 },
  'headers without an end': { first: head, rest: `x-slow: ${'a'.repeat(1000)}`, seconds: 20 },
  'headers that begin late': { first: 'P', rest: head.slice(1), seconds: 20 },
  'a body without an end': { first: `${head}content-length: 1000\r\n\r\n`, rest: '{'.repeat(1000), seconds: 30 },
  'chunks without an end': { first: `${head}transfer-encoding: chunked\r\n\r\n`, rest: '0'.repeat(1000), seconds: 30 },
}

test('slow headers end after 20 seconds, slow bodies after 30, and other clients do not wait', {
  timeout: 60_000,
}, async (t) => {
  const bag = await startMovieBag()
  t.after(() => bag.stop())
  const ends = Object.entries(slow).map(async ([what, { first, rest, seconds }]) => {
    const { taken, answer } = await sendSlowly(bag.url, first, rest)
    t.diagnostic(`${what}: ${taken.toFixed(1)} s, ${JSON.stringify(answer.split('\r\n')[0])}`)
    // Connections are checked once a second.
    assert(taken > seconds - 1 && taken < seconds + 2, `${what} took ${taken} s`)
    assert.match(answer, /^HTTP\/1\.1 408 /, what)
  })
  const began = performance.now()
  assert.equal((await bag.request('GET', '/api/movies')).status, 200)
  assert(performance.now() - began < 1000)
  await Promise.all(ends)
})

test('a response that is not read is cut off after two minutes', { timeout: 180_000 }, async (t) => {
  const bag = await startMovieBag()
  t.after(() => bag.stop())
  const { id } = await signUp(bag, 'eve')
  await bag.db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Movie ' || number, array[repeat('a', 90000)], '{Drama}', ${id} from generate_series(1, 100) number`)
  const socket = connect(Number(new URL(bag.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  socket.write('GET /api/movies HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(5))
  await sleep(125_000)
  let received = 0
  socket.on('data', ({ length }) => {
    received += length
  })
  await once(socket, 'close', { signal: AbortSignal.timeout(10_000) })
  t.diagnostic(`${received} bytes of 45 million`)
  assert.ok(received < 40_000_000)
})

async function sendSlowly(url: string, first: string, rest: string): Promise<{ taken: number; answer: string }> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const began = performance.now()
  let answer = ''
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text
  })
  socket.on('error', () => {})
  socket.write(first)
  let sent = 0
  const trickle = setInterval(() => {
    if (sent < rest.length && socket.writable) socket.write(rest[sent++] ?? '')
  }, 250)
  await once(socket, 'close')
  clearInterval(trickle)
  return { taken: (performance.now() - began) / 1000, answer }
}
