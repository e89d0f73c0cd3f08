import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { setCounters } from '../../test/counters.ts'
import { type Answer, logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag({ RATE_LIMITS: 'on', MAX_STORAGE_MB: '1' })
after(() => bag.stop())

test('an account stores no more than its quota of bytes, whether it adds movies or changes them', async () => {
  const ada = await logIn(bag, await signUp(bag, 'ada'))
  const grace = await logIn(bag, await signUp(bag, 'grace'))
  const small = await added(ada, { name: 'Nosferatu', casts: ['Max Schreck'] })
  const large = await added(ada, { name: 'Metropolis', casts: names(200) })
  await added(ada, { name: 'Faust', casts: names(200) })

  const refused = await add(ada, { name: 'Sunrise', casts: ['Janet Gaynor'] })
  assertError(refused, 'TooManyMoviesError')
  assert.equal(refused.body.detail, 'The movies of an account can take at most 1 MB on disk.')

  assertError(await change(ada, small, { casts: names(200) }), 'TooManyMoviesError')
  assertError(await change(grace, small, { casts: names(200) }), 'UpdatingMovieError')
  assert.equal((await change(ada, small, { name: 'Nosferat' })).status, 200)
  await added(grace, { name: 'Sunrise', casts: ['Janet Gaynor'] })

  assert.equal((await change(ada, large, { casts: ['Brigitte Helm'] })).status, 200)
  await added(ada, { name: 'The Kid', casts: ['Jackie Coogan'] })
})

test('deleted movies count until they can no longer be restored', async () => {
  const alan = await logIn(bag, await signUp(bag, 'alan'))
  const ids = [await added(alan, { name: 'Greed', casts: names(200) })]
  ids.push(await added(alan, { name: 'The Crowd', casts: names(200) }))
  assertError(await add(alan, { name: 'The Wind', casts: ['Lillian Gish'] }), 'TooManyMoviesError')
  for (const id of ids) assert.equal((await bag.request('DELETE', `/api/movies/${id}`, undefined, alan)).status, 200)
  assertError(await add(alan, { name: 'The Wind', casts: ['Lillian Gish'] }), 'TooManyMoviesError')
  await bag.db.query(sql`delete from deleted_movies`)
  await added(alan, { name: 'The Wind', casts: ['Lillian Gish'] })
})

test('the quota counts at least what the movies take on disk', async () => {
  const { db } = bag
  const size = async () => {
    const [row] = await db.query<{ size: number }>(sql`select pg_total_relation_size('movies')::float8 as size`)
    return row?.size ?? 0
  }
  const before = await size()
  const accounts = await Promise.all(
    ['barbara', 'edsger', 'tony'].map(async (name) => logIn(bag, await signUp(bag, name))),
  )
  for (const account of accounts) {
    for (const letters of ['abcdefghijklmnopqrstuvwxyz0123456789', 'абвгдежзийклмнопрстуфхцчшщыьэюя']) {
      const casts = Array.from({ length: 90 }, () => randomText(letters, 100))
      await add(account, { name: randomText(letters, 300), casts })
    }
  }
  const [counted] = await db.query<{ sum: number }>(sql`
    select sum(stored_bytes)::float8 as sum from movies where char_length(name) = 300`)
  const taken = (await size()) - before
  assert(taken > 100_000, `${taken} bytes`)
  assert((counted?.sum ?? 0) >= taken, `${counted?.sum} bytes counted, ${taken} taken`)
})

test('all accounts of one client share what may be stored in a day', async () => {
  const [lise, emmy] = [await logIn(bag, await signUp(bag, 'lise')), await logIn(bag, await signUp(bag, 'emmy'))]
  for (const name of ['Pandora’s Box', 'The General', 'Safety Last!']) await added(lise, { name, casts: names(150) })
  await setCounters(bag, 'storage', 500)
  // A process counts millions of bytes, so some more fit.
  const answers = []
  for (const name of ['Sherlock Jr.', 'Speedy', 'Go West']) answers.push(await add(emmy, { name, casts: names(150) }))
  assert(answers.some(({ status }) => status === 200))
  const refused = await add(emmy, { name: 'Seven Chances', casts: ['Buster Keaton'] })
  assertError(refused, 'TooManyRequestsError')
  assert(Number(refused.headers.get('retry-after')) > 86_000)
  assertError(await add(lise, { name: 'Seven Chances', casts: ['Buster Keaton'] }), 'TooManyRequestsError')
})

type Fields = { name?: string; casts?: string[] }

function add(session: Record<string, string>, fields: Fields): Promise<Answer> {
  return bag.request('POST', '/api/movies', { genres: ['Drama'], ...fields }, session)
}

async function added(session: Record<string, string>, fields: Fields): Promise<string> {
  const { status, body, text } = await add(session, fields)
  assert.equal(status, 200, text)
  return body.id
}

function change(session: Record<string, string>, id: string, fields: Fields): Promise<Answer> {
  return bag.request('PUT', `/api/movies/${id}`, fields, session)
}

/** Names of 150 letters each, 30 kB in all at most. */
function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${n}`.padStart(150, 'name '))
}

function randomText(letters: string, length: number): string {
  const all = [...letters]
  return Array.from({ length }, () => all[Math.floor(Math.random() * all.length)]).join('')
}
