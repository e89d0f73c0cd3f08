import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('the export holds the account, its sessions, what happened to it and every movie, and nothing of others', async () => {
  const ada = await signUp(bag, 'ada')
  const grace = await signUp(bag, 'grace')
  const session = await logIn(bag, ada)
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
  assert.deepEqual(Object.keys(body), ['account', 'sessions', 'history', 'movies'])
  assert.equal(body.account.email, ada.email)
  assert.equal(body.sessions.length, 1)
  assert.deepEqual(
    body.movies.map(({ name }: { name: string }) => name),
    Array.from({ length: 250 }, (_, index) => `${ada.email} ${index + 1}`),
  )
  assert.ok(body.history.some(({ event }: { event: string }) => event === 'logged in'))
})

test('an export without a movie is whole', async () => {
  const alan = await signUp(bag, 'alan')
  const { body } = await bag.request('GET', '/api/auth/export', undefined, await logIn(bag, alan))
  assert.deepEqual(body.movies, [])
})

test('an export of any size is sent as it is read, page by page', async () => {
  const eve = await signUp(bag, 'eve')
  const session = await logIn(bag, eve)
  await bag.db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Eve ' || n, array_fill(repeat('e', 200), '{200}'), '{Noise}', ${eve.id} from generate_series(1, 150) as n`)
  const response = await fetch(`${bag.url}/api/auth/export`, { headers: session })
  assert.equal(response.headers.get('content-length'), null)
  assert.equal(response.headers.get('transfer-encoding'), 'chunked')
  const { movies } = JSON.parse(await response.text())
  assert.equal(movies.length, 150)
  assert.equal(movies[149].casts.length, 200)
})
