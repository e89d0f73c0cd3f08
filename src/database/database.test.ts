import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { createDatabase } from '../../test/database.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { errorCode } from '../errors.ts'
import { openDatabase, raw, type Sql, sql } from './database.ts'
import { laneLimits } from './lanes.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const ada = await signUp(bag, 'ada')
const headers = await logIn(bag, ada)
await addMovie('Metropolis')

test('no request fails while a migration changes the type of a column', async () => {
  const { id } = (await addMovie('Nosferatu')).body
  let isChanging = true
  let answered = 0
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let turn = 0; isChanging; turn += 1) {
      const answers = await Promise.all([
        bag.request('GET', `/api/movies/${id}`),
        bag.request('GET', '/api/movies?limit=20'),
        bag.request('GET', '/account', undefined, { ...headers, accept: 'text/html' }),
        addMovie(`Film ${client}-${turn}`),
        bag.request('POST', '/api/auth/login', ada),
      ])
      for (const { status, text } of answers) assert.ok(status < 400, `${status}: ${text}`)
      answered += answers.length
    }
  })
  const working = Promise.all(clients)
  try {
    for (const type of ['integer', 'bigint', 'smallint']) {
      const before = answered
      await migrateColumn(sql`alter table movies alter year type ${raw(type)}`)
      await migrateColumn(
        sql`alter table sessions alter ip_address type ${raw(type === 'bigint' ? 'text' : 'varchar(99)')}`,
      )
      while (answered < before + 80) await Promise.race([working, bag.request('GET', '/health/live')])
    }
  } finally {
    isChanging = false
    await working
  }
})

test('a statement that fails on a lane fails alone', async () => {
  const db = openDatabase(await createDatabase(), { connections: 1, onError: () => {} })
  try {
    for (const lane of [db.reads, db.writes]) {
      const results = await Promise.allSettled(
        Array.from({ length: 40 }, (_, n) => lane.query(sql`select 100 / (${n}::int % 5) as quotient`)),
      )
      for (const [n, { status }] of results.entries()) assert.equal(status, n % 5 ? 'fulfilled' : 'rejected', `${n}`)
    }
  } finally {
    await db.close()
  }
})

test('a lane leaves a server that takes no writes, as a primary does that was replaced', async () => {
  const db = openDatabase(await createDatabase(), { connections: 1, onError: () => {} })
  try {
    await db.writes.query(sql`set default_transaction_read_only = on`)
    await assert.rejects(db.writes.query(sql`create table written ()`), /not responding/)
    await db.writes.query(sql`create table written ()`)
  } finally {
    await db.close()
  }
})

test('beyond its limit a lane refuses at once, what waits fails within three seconds, and then it works again', async () => {
  const lock = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const holding = bag.db.transaction(async (tx) => {
    await tx.query(sql`lock table movies`)
    locked.resolve()
    await lock.promise
  })
  await locked.promise
  try {
    const began = performance.now()
    const selects = Array.from({ length: laneLimits.waiting }, () => bag.db.reads.query(sql`select id from movies`))
    const refused = await bag.request('GET', '/api/movies?limit=1')
    assertError(refused, 'ServiceUnavailableError')
    assert.match(refused.body.detail, /are waiting/)
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/)
    assert.ok(performance.now() - began < 2000)
    for (const { status } of await Promise.allSettled(selects)) assert.equal(status, 'rejected')
    // The promise is 3 seconds; the rest is for busy machines.
    assert.ok(performance.now() - began < 6000, `the slowest took ${performance.now() - began} ms`)
  } finally {
    lock.resolve()
    await holding
  }
  assert.equal((await bag.request('GET', '/api/movies?limit=1')).status, 200)
})

/** As a careful migration does: it gives way instead of letting every request wait behind it. */
async function migrateColumn(statement: Sql): Promise<void> {
  let isDone = false
  while (!isDone) {
    isDone = await bag.db
      .transaction(async (tx) => {
        await tx.query(sql`set local lock_timeout = '200ms'`)
        await tx.query(statement)
        return true
      })
      .catch((error: unknown) => {
        if (errorCode(error) !== '55P03') throw error
        return false
      })
  }
}

function addMovie(name: string) {
  return bag.request('POST', '/api/movies', { name, casts: ['Brigitte Helm'], genres: ['Drama'] }, headers)
}
