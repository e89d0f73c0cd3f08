import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { countRowsRead } from '../../test/rows-read.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const adasAccount = await signUp(bag, 'ada')
const ada = await logIn(bag, adasAccount)
const grace = await logIn(bag, await signUp(bag, 'grace'))
const fields = { casts: ['Brigitte Helm', 'Alfred Abel'], genres: ['Science fiction', 'Drama'] }

async function add(name: string, more: object = {}, session = ada): Promise<string> {
  const { status, body, text } = await bag.request('POST', '/api/movies', { name, ...fields, ...more }, session)
  assert.equal(status, 200, text)
  assert.deepEqual(Object.keys(body), ['id'])
  assert.equal(typeof body.id, 'string')
  return body.id
}

test('a movie is read by anyone as it was added', async () => {
  const id = await add('Metropolis')
  const { status, body } = await bag.request('GET', `/api/movies/${id}`)
  assert.equal(status, 200)
  assert.deepEqual(body, { id, name: 'Metropolis', ...fields, year: null, notes: null, added_by: adasAccount.id })
})

test('a name is taken once among movies without a year, and once for each year', async () => {
  await add('Solaris')
  await add('Solaris', { year: 1972 })
  await add('Solaris', { year: 2002 })
  for (const year of [undefined, null, 1972, 2002]) {
    const again = { name: 'Solaris', ...fields, year }
    assertError(await bag.request('POST', '/api/movies', again, grace), 'MovieAlreadyExistsError')
  }
})

test('of ten who add the same movie at once one succeeds', async () => {
  const film = { name: 'Playtime', ...fields }
  const answers = await Promise.all(Array.from({ length: 10 }, () => bag.request('POST', '/api/movies', film, ada)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  for (const answer of answers.filter(({ status }) => status !== 200)) assertError(answer, 'MovieAlreadyExistsError')
})

test('a movie is refused by each field that is out of bounds, and taken at the bounds', async () => {
  const wrong: [string, unknown, field?: string][] = [
    ['name', ''],
    ['name', 'x'.repeat(301)],
    ['name', 'a\0b'],
    ['name', 'half of 😀: \ud83d'],
    ['name', 'a\x1b[2Jb'],
    ['name', 'a\x9b2Jb'],
    ['name', 'a\u202eb'],
    ['name', 'two\nlines'],
    ['name', ' '],
    ['name', '\u200b\u2060\ufeff'],
    ['name', '\u3164\u2800'],
    ['casts', ['a tab\t'], 'casts.0'],
    ['genres', ['\u00ad'], 'genres.0'],
    ['notes', 'a\x07b'],
    ['notes', 'a\x85b'],
    ['casts', []],
    ['casts', [''], 'casts.0'],
    ['casts', ['somebody', 7], 'casts.1'],
    ['casts', ['x'.repeat(201)], 'casts.0'],
    ['casts', Array(201).fill('somebody')],
    ['genres', []],
    ['genres', [null], 'genres.0'],
    ['genres', Array(31).fill('Drama')],
    ['genres', ['a\0b'], 'genres.0'],
    ['year', '1927'],
    ['year', 1799],
    ['year', Number.POSITIVE_INFINITY],
    ['year', 1927.5],
  ]
  const id = await add('Bounds')
  for (const [name, value, field = name] of wrong) {
    const movie = withInfinity({ name: 'Refused', ...fields, [name]: value })
    assertError(await bag.request('POST', '/api/movies', movie, ada), 'SchemaValidationError', [field])
    assertError(
      await bag.request('PUT', `/api/movies/${id}`, withInfinity({ [name]: value }), ada),
      'SchemaValidationError',
      [field],
    )
  }
  const astral = '🎬'.repeat(300)
  await add(astral, { casts: Array(200).fill('x'.repeat(200)), genres: Array(30).fill('y'.repeat(200)), year: 1800 })
})

test('names in every script, with the marks that they need, are kept as they are', async () => {
  const names = [
    'نار في البحر\u200f',
    '\u202bשלום\u202c',
    'میخ\u200cکوب',
    '👩\u200d👩\u200d👧',
    'W\u00adALL',
    'Amélie'.normalize('NFD'),
    '7',
  ]
  for (const name of names) {
    const id = await add(name, { notes: 'on\tthe\nshelf' })
    const { body } = await bag.request('GET', `/api/movies/${id}`)
    assert.deepEqual([body.name, body.notes], [name, 'on\tthe\nshelf'])
  }
})

test('a movie cannot take over another one by sending its id', async () => {
  const id = await add('Faust')
  for (const key of ['id', '_id']) {
    const mine = { [key]: id, name: 'Mine', ...fields }
    assertError(await bag.request('POST', '/api/movies', mine, grace), 'SchemaValidationError', [key])
  }
  assert.equal((await bag.request('GET', `/api/movies/${id}`)).body.name, 'Faust')
})

test('a change takes no update operators, no other owner and no empty body', async () => {
  const id = await add('Sunrise')
  for (const key of ['$set', 'set__name', 'added_by', 'casts.0', 'id']) {
    const change = { [key]: 'x' }
    assertError(await bag.request('PUT', `/api/movies/${id}`, change, ada), 'SchemaValidationError', [key])
  }
  assertError(await bag.request('PUT', `/api/movies/${id}`, {}, ada), 'SchemaValidationError', ['body'])
  const movie = { id, name: 'Sunrise', ...fields, year: null, notes: null, added_by: adasAccount.id }
  assert.deepEqual((await bag.request('GET', `/api/movies/${id}`)).body, movie)
})

test('adding a movie that fails halfway leaves none behind', async () => {
  await bag.db.query(sql`
    create function fail() returns trigger language plpgsql as 'begin raise exception ''halfway''; end'`)
  await bag.db.query(sql`create trigger fail after insert on movies for each row execute function fail()`)
  const film = { name: 'Half a film', ...fields }
  assertError(await bag.request('POST', '/api/movies', film, ada), 'InternalServerError')
  await bag.db.query(sql`drop function fail cascade`)
  const { body } = await bag.request('GET', '/api/movies')
  assert(!body.some(({ name }: { name: string }) => name === film.name))
  await add(film.name)
})

test('adding and deleting a movie costs the same however many its owner has', async () => {
  await bag.db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Film ' || gen_random_uuid(), '{Ada}', '{Drama}', ${adasAccount.id}::uuid from generate_series(1, 5000)`)
  await bag.db.query(sql`analyze movies`)
  const rowsRead = await countRowsRead(bag, 'movies', async () => {
    const id = await add('One more')
    assert.equal((await bag.request('DELETE', `/api/movies/${id}`, undefined, ada)).status, 200)
  })
  // The quota counts the owner's movies in an index, up to its limit; nothing else may.
  assert(rowsRead < 50, `${rowsRead} rows were read`)
})

test('all fields that are wrong are named at once', async () => {
  const answer = await bag.request('POST', '/api/movies', { name: '', casts: [1], year: 0, id: 1 }, ada)
  assertError(answer, 'SchemaValidationError', ['name', 'casts.0', 'genres', 'year', 'id'])
})

test('any of the fields is changed, and the others stay', async () => {
  const id = await add('Alphaville', { year: 1964 })
  const first = await bag.request('PUT', `/api/movies/${id}`, { year: 1965, genres: ['Noir'] }, ada)
  assert.equal(first.status, 200, first.text)
  const changed = {
    id,
    name: 'Alphaville',
    casts: fields.casts,
    genres: ['Noir'],
    notes: null,
    added_by: adasAccount.id,
  }
  assert.deepEqual((await bag.request('GET', `/api/movies/${id}`)).body, { ...changed, year: 1965 })
  assert.equal((await bag.request('PUT', `/api/movies/${id}`, { year: null }, ada)).status, 200)
  assert.deepEqual((await bag.request('GET', `/api/movies/${id}`)).body, { ...changed, year: null })
})

test('a name that another movie has is refused on a change, and the movie’s own is not', async () => {
  const id = await add('Stalker')
  await add('Mirror')
  assertError(await bag.request('PUT', `/api/movies/${id}`, { name: 'Mirror' }, ada), 'MovieAlreadyExistsError')
  assert.equal((await bag.request('PUT', `/api/movies/${id}`, { name: 'Stalker' }, ada)).status, 200)
  assert.equal((await bag.request('PUT', `/api/movies/${id}`, { name: 'Mirror', year: 1975 }, ada)).status, 200)
})

test('only who added a movie changes or deletes it', async () => {
  const id = await add('Vertigo')
  assertError(await bag.request('PUT', `/api/movies/${id}`, { name: 'Mine' }, grace), 'UpdatingMovieError')
  assertError(await bag.request('DELETE', `/api/movies/${id}`, undefined, grace), 'DeletingMovieError')
  assert.equal((await bag.request('GET', `/api/movies/${id}`)).body.name, 'Vertigo')
  assert.equal((await bag.request('DELETE', `/api/movies/${id}`, undefined, ada)).status, 200)
  assertError(await bag.request('GET', `/api/movies/${id}`), 'MovieNotExistsError')
  assertError(await bag.request('DELETE', `/api/movies/${id}`, undefined, ada), 'DeletingMovieError')
})

test('an id that no movie has is answered like a movie that is gone, whatever it looks like', async () => {
  const odd = ['0', '-1', '1.0', '01', '1e3', 'NaN', 'me', '9223372036854775808', '9'.repeat(500), '%00', "1'--", '😀']
  for (const id of [...odd, '507f1f77bcf86cd799439011', '1%20', '%2e%2e%2fmovies', '__proto__', '{"$ne":null}']) {
    const path = `/api/movies/${encodeURI(decodeURI(id))}`
    assertError(await bag.request('GET', path), 'MovieNotExistsError')
    assertError(await bag.request('PUT', path, { name: 'x' }, ada), 'UpdatingMovieError')
    assertError(await bag.request('DELETE', path, undefined, ada), 'DeletingMovieError')
  }
})

test('a movie is added, changed and deleted by who is signed in, and nobody else', async () => {
  const id = await add('Ran')
  assertError(await bag.request('POST', '/api/movies', { name: 'Eve was here', ...fields }), 'InvalidSessionError')
  assertError(await bag.request('PUT', `/api/movies/${id}`, { name: 'Eve was here' }), 'InvalidSessionError')
  assertError(await bag.request('DELETE', `/api/movies/${id}`), 'InvalidSessionError')
})

/** JSON has no infinity, but numbers that are read as one. */
function withInfinity(body: object): string {
  return JSON.stringify(body).replace('"year":null', '"year":1e400')
}

test('changes of different fields at the same time are all kept', async () => {
  for (let round = 1; round <= 5; round += 1) {
    const id = await add(`The Lodger ${round}`)
    const changes = [{ casts: ['Ivor Novello'] }, { genres: ['Thriller'] }, { year: 1927 }, { notes: 'on the shelf' }]
    const answers = await Promise.all(changes.map((change) => bag.request('PUT', `/api/movies/${id}`, change, ada)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    )
    const { body } = await bag.request('GET', `/api/movies/${id}`)
    assert.deepEqual({ ...body }, { ...body, ...Object.assign({}, ...changes) })
  }
})

test('a movie that a client has is not sent again until it changes', async () => {
  const id = await add('Seven Chances')
  const path = `/api/movies/${id}`
  const read = (known?: string) =>
    bag.request('GET', path, undefined, known === undefined ? {} : { 'if-none-match': known })
  const etag = (await read()).headers.get('etag') ?? ''
  assert.match(etag, /^"[^"]+"$/)
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const { status, text, headers } = await read(known)
    assert.deepEqual([status, text, headers.get('etag')], [304, '', etag], known)
  }
  for (const known of ['"other"', '', etag.slice(0, -1), `"x${etag.slice(1)}`]) {
    assert.equal((await read(known)).status, 200, known)
  }
  assert.equal((await bag.request('PUT', path, { notes: 'In the attic' }, ada)).status, 200)
  const changed = await read(etag)
  assert.equal(changed.status, 200)
  assert.equal(changed.body.notes, 'In the attic')
  assert.notEqual(changed.headers.get('etag'), etag)
  assert.equal((await bag.request('DELETE', path, undefined, ada)).status, 200)
  assert.equal((await read('*')).status, 400)
})
