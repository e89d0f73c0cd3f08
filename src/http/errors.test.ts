import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const ada = await logIn(bag, await signUp(bag, 'ada'))
const token = 'abcdefghijklmnopqrstuvwxyz'
const metropolis = { name: 'Metropolis', casts: ['Brigitte Helm'], genres: ['Drama'] }
const { id } = (await bag.request('POST', '/api/movies', metropolis, ada)).body

const tables = ['accounts', 'sessions', 'movies', 'outbox', 'links']

/** A request to each route that asks the database. */
const requests: [method: string, path: string, body?: object][] = [
  ['POST', '/api/auth/signup', { email: 'grace@example.org', password: 'the long password of grace' }],
  ['POST', '/api/auth/login', { email: 'ada@example.org', password: 'not the password of ada' }],
  ['POST', '/api/auth/forgot', { email: 'ada@example.org' }],
  ['POST', '/api/auth/reset', { reset_token: token, password: 'a long new password' }],
  ['DELETE', '/api/auth/session'],
  ['GET', '/api/movies'],
  ['POST', '/api/movies', { ...metropolis, name: 'Stalker' }],
  ['GET', `/api/movies/${id}`],
  ['PUT', `/api/movies/${id}`, { name: 'Solaris' }],
  ['DELETE', `/api/movies/${id}`],
]

test('over the caller’s limit, routes that mail or hash are TooManyRequestsError', async (t) => {
  const limited = await startMovieBag({ RATE_LIMITS: 'on' })
  t.after(() => limited.stop())
  const costly = requests.slice(0, 4)
  for (const [method, path, body] of costly) assert.notEqual((await limited.request(method, path, body)).status, 429)
  await limited.db.query(sql`update rate_limits set points = 1000`)
  for (const [method, path, body] of costly) {
    const answer = await limited.request(method, path, body)
    assertError(answer, 'TooManyRequestsError')
    const wait = Number(answer.headers.get('retry-after'))
    assert(wait > 0 && wait <= 3600, `${wait} seconds to wait at ${path}`)
  }
})

test('while the database is silent every route is ServiceUnavailableError with a Retry-After', async () => {
  const client = new Client({ connectionString: bag.databaseUrl })
  await client.connect()
  await client.query('begin')
  await client.query(`lock table ${tables}, mail_server_state`)
  const paths: typeof requests = [...requests, ['GET', '/health/ready']]
  const answers = await Promise.all(paths.map(([method, path, body]) => bag.request(method, path, body, ada)))
  await client.end()
  for (const answer of answers) assertError(answer, 'ServiceUnavailableError')
  assert.equal((await bag.request('GET', '/health/live')).status, 200)
  assert.equal((await bag.request('GET', '/api/movies')).status, 200)
})

test('while the database cannot write, writes are ServiceUnavailableError, logged, and reads work', async (t) => {
  const client = new Client({ connectionString: bag.databaseUrl })
  await client.connect()
  t.after(() => client.end())
  for (const [sqlstate, reason] of Object.entries({ '53100': 'the disk is full', '58030': 'the disk is broken' })) {
    await client.query(`
      create function refuse() returns trigger language plpgsql as
        $$ begin raise exception '${reason}' using errcode = '${sqlstate}'; end $$`)
    await client.query('create trigger full_disk before insert on movies execute function refuse()')
    const refused = await bag.request('POST', '/api/movies', { ...metropolis, name: reason }, ada)
    assertError(refused, 'ServiceUnavailableError')
    assert(bag.log.some((line) => JSON.parse(line).level >= 50 && line.includes(reason)))
    assert.equal((await bag.request('GET', `/api/movies/${id}`)).status, 200)
    await client.query('drop function refuse cascade')
    assert.equal((await bag.request('POST', '/api/movies', { ...metropolis, name: reason }, ada)).status, 200)
  }
})

test('a transaction that the database aborts is ServiceUnavailableError and can be retried', async (t) => {
  const client = new Client({ connectionString: bag.databaseUrl })
  await client.connect()
  t.after(() => client.end())
  for (const sqlstate of ['40P01', '40001']) {
    await client.query(`
      create function give_up() returns trigger language plpgsql as
        $$ begin raise exception 'given up' using errcode = '${sqlstate}'; end $$`)
    await client.query('create trigger given_up before insert on movies execute function give_up()')
    const movie = { ...metropolis, name: `Given up with ${sqlstate}` }
    assertError(await bag.request('POST', '/api/movies', movie, ada), 'ServiceUnavailableError')
    await client.query('drop function give_up cascade')
    assert.equal((await bag.request('POST', '/api/movies', movie, ada)).status, 200)
  }
})

test('an internal fault is InternalServerError, with its cause in the log and not in the response', async (t) => {
  const client = new Client({ connectionString: bag.databaseUrl })
  await client.connect()
  for (const table of tables) await client.query(`alter table ${table} rename to ${table}_away`)
  t.after(async () => {
    for (const table of tables) await client.query(`alter table ${table}_away rename to ${table}`)
    await client.end()
  })
  for (const [method, path, body] of requests) {
    const answer = await bag.request(method, path, body, ada)
    assertError(answer, 'InternalServerError')
    assert.doesNotMatch(answer.text, /relation|accounts|sessions|outbox|links/)
    const id = answer.headers.get('x-request-id')
    const line = bag.log.find((line) => JSON.parse(line).reqId === id && JSON.parse(line).level >= 50)
    assert.match(line ?? '', /relation .* does not exist/, `${method} ${path} is not in the log`)
  }
})
