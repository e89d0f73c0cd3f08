import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { countRowsRead } from '../../test/rows-read.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('an empty collection is an empty array', async () => {
  const { status, body, headers } = await bag.request('GET', '/api/movies')
  assert.equal(status, 200)
  assert.deepEqual(body, [])
  assert.equal(headers.get('link'), null)
})

test('movies come as a bare array, whole, in the order they came', async () => {
  const ada = await signUp(bag, 'ada')
  const session = await logIn(bag, ada)
  const films = ['Solaris', 'Alphaville', 'Metropolis'].map((name) => ({ name, casts: ['A', 'B'], genres: ['Drama'] }))
  const ids: string[] = []
  for (const film of films) ids.push((await bag.request('POST', '/api/movies', film, session)).body.id)
  const { body } = await bag.request('GET', '/api/movies')
  assert.deepEqual(
    body,
    films.map((film, index) => ({ ...film, id: ids[index], added_by: ada.id, year: null })),
  )
})

test('walking the pages meets every movie once, in the order they came', async () => {
  await addMany(1050)
  const rows = await bag.db.query<{ id: string }>(sql`select id from movies order by id`)
  const starts = { '/api/movies': 100, '/api/movies?limit=97': 97, '/api/movies?limit=100&sort=added': 100 }
  for (const [start, size] of Object.entries(starts)) {
    const pages = await walk(start)
    assert.deepEqual(
      pages.flat(),
      rows.map(({ id }) => id),
    )
    assert(pages.slice(0, -1).every((page) => page.length === size))
  }
})

test('a movie deleted or added while somebody turns pages moves no other', async () => {
  const first = await bag.request('GET', '/api/movies?limit=10')
  await bag.db.query(sql`delete from movies where id = ${first.body[9].id}`)
  await bag.db.query(sql`delete from movies where id = ${first.body[3].id}`)
  const expected = await bag.db.query<{ id: string }>(
    sql`select id from movies where id > ${first.body[9].id} order by id limit 10`,
  )
  const second = await bag.request('GET', nextOf(first.headers) ?? '')
  assert.deepEqual(
    second.body.map(({ id }: { id: string }) => id),
    expected.map(({ id }) => id),
  )
})

test('a page that ends with the last movie names no next one', async () => {
  await bag.db.query(sql`delete from movies where id not in (select id from movies order by id limit 20)`)
  assert.equal((await bag.request('GET', '/api/movies?limit=20')).headers.get('link'), null)
  assert.equal((await walk('/api/movies?limit=10')).length, 2)
  assert.equal((await walk('/api/movies?limit=1')).length, 20)
})

test('a limit that is no whole number from 1 to 100 is refused by name', async () => {
  for (const limit of ['0', '-1', '101', '1.5', 'ten', '', '1e9', 'Infinity', '9'.repeat(400), '1&limit=2']) {
    assertError(await bag.request('GET', `/api/movies?limit=${limit}`), 'SchemaValidationError', ['limit'])
  }
})

test('an after that is none of ours is refused by name', async () => {
  const wrong = ['', 'x', '0', '1', '%00', 'AAAA', 'LTE', "1'--", '9'.repeat(4000), 'MQ&after=Mg']
  for (const after of wrong) {
    assertError(await bag.request('GET', `/api/movies?after=${after}`), 'SchemaValidationError', ['after'])
  }
})

test('a page deep in a large collection costs no more than the first', async () => {
  await addMany(5000)
  await bag.db.query(sql`analyze movies`)
  const [deep] = await bag.db.query<{ id: string }>(sql`select id from movies order by id offset 4000 limit 1`)
  const after = Buffer.from(deep?.id ?? '').toString('base64url')
  const rowsRead = await countRowsRead(bag, 'movies', async () => {
    const { body } = await bag.request('GET', `/api/movies?limit=20&after=${after}`)
    assert.equal(body.length, 20)
  })
  assert(rowsRead <= 50, `${rowsRead} rows were read`)
})

test('a page of large movies ends early, and the Link header goes on from there', async () => {
  const [{ id: adder } = { id: '' }] = await bag.db.query<{ id: string }>(sql`select id from accounts limit 1`)
  const largest = sql`array(select repeat(chr(65 + m % 26), 200) from generate_series(1, 200) m)`
  await bag.db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Large ' || n, ${largest}, '{Drama}', ${adder} from generate_series(1, 100) n`)
  for (const first of ['/api/movies?q=large&sort=name', '/api/movies']) {
    const names: string[] = []
    let next = first
    for (let page = 1; next; page += 1) {
      const { text, body, headers } = await bag.request('GET', next)
      assert.ok(text.length < 600_000, `page ${page} of ${first} has ${text.length} characters`)
      names.push(...body.map(({ name }: { name: string }) => name))
      next = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? ''
    }
    const large = names.filter((name) => name.startsWith('Large'))
    assert.equal(large.length, 100)
    assert.equal(new Set(large).size, 100)
  }
})

/** The ids on each page from `path` on, each page found by the `Link` header of the one before. */
async function walk(path: string): Promise<string[][]> {
  const pages: string[][] = []
  for (let next: string | undefined = path; next; ) {
    const { status, body, headers, text } = await bag.request('GET', next)
    assert.equal(status, 200, text)
    pages.push(body.map(({ id }: { id: string }) => id))
    next = nextOf(headers)
  }
  return pages
}

/** RFC 8288: the target is relative to the page it stands on. */
function nextOf(headers: Headers): string | undefined {
  const link = headers.get('link')
  if (link === null) return undefined
  const target = /^<([^>]+)>; rel="next"$/.exec(link)?.[1]
  assert(target, link)
  const { origin, pathname, search } = new URL(target, bag.url)
  assert.equal(origin, bag.url)
  return pathname + search
}

async function addMany(count: number): Promise<void> {
  await bag.db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Film ' || gen_random_uuid(), '{Somebody}', '{Drama}', (select id from accounts limit 1)
    from generate_series(1, ${count}::int)`)
}
