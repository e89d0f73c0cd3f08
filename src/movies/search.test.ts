import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const ada = await signUp(bag, 'ada')
const grace = await signUp(bag, 'grace')
const [asAda, asGrace] = [await logIn(bag, ada), await logIn(bag, grace)]

await add({ name: 'Amélie', casts: ['Audrey Tautou', 'Mathieu Kassovitz'], genres: ['Romance', 'Comédie'], year: 2001 })
await add({ name: 'Alien', casts: ['Sigourney Weaver', 'Ian Holm'], genres: ['Horror', 'Science Fiction'], year: 1979 })
await add({ name: 'The Third Man', casts: ['Joseph Cotten', 'Orson Welles'], genres: ['Film noir'], year: 1949 })
await add({ name: 'Zazie dans le métro', casts: ['Catherine Demongeot'], genres: ['Comédie'] })
await add(
  { name: 'Metropolis', casts: ['Brigitte Helm', 'Alfred Abel'], genres: ['Science fiction'], year: 1927 },
  asGrace,
)
await add({ name: 'Citizen Kane', casts: ['Orson Welles'], genres: ['Drama'], year: 1941 }, asGrace)
await add({ name: 'Manhattan', casts: ['Diane Keaton', 'Michael Murphy'], genres: ['Comedy'], year: 1979 }, asGrace)
await add({ name: '100% Wolf_Man \\ Alive', casts: ['Somebody'], genres: ['Drama'], year: 1979 }, asGrace)

test('words are found in names and casts, in whole or in part, in any order and capitals', async () => {
  assert.deepEqual(await names('q=metropolis'), ['Metropolis'])
  assert.deepEqual(await names('q=POLIS'), ['Metropolis'])
  assert.deepEqual(await names('q=welles third'), ['The Third Man'])
  assert.deepEqual(await names('q=orson'), ['The Third Man', 'Citizen Kane'])
})

test('accents are forgiven, on either side', async () => {
  assert.deepEqual(await names('q=amelie'), ['Amélie'])
  assert.deepEqual(await names('q=Mètropòlis'), ['Metropolis'])
  assert.deepEqual(await names('genre=comedie'), ['Amélie', 'Zazie dans le métro'])
  assert.deepEqual(await names('cast=ORSON WÉLLES'), ['The Third Man', 'Citizen Kane'])
})

test('a slip of the fingers is forgiven: a letter wrong, missing, too many or out of place', async () => {
  for (const slip of ['metropilis', 'metroplis', 'metroppolis', 'metorpolis', 'brigite helm', 'metropolis brigtite']) {
    assert.deepEqual(await names(`q=${slip}`), ['Metropolis'], slip)
  }
  for (const slip of ['alein', 'alienn', 'weavre', 'sigorney weaver']) {
    assert.deepEqual(await names(`q=${slip}`), ['Alien'], slip)
  }
  assert.deepEqual(await names('q=amleie'), ['Amélie'])
})

test('three slips are forgiven and no more, for each costs as much as a search', async () => {
  assert.deepEqual(await names('q=metropilis brigite alferd'), ['Metropolis'])
  assert.deepEqual(await names('q=metropilis brigite alferd hlem'), [])
})

test('searches that take long leave connections to who logs in', async () => {
  let answered = 0
  const searches = await bag.db.transaction(async (tx) => {
    await tx.query(sql`lock table movies in access exclusive mode`)
    const begun = Array.from({ length: 20 }, async () => {
      const { status } = await bag.request('GET', '/api/movies?q=slow')
      if (status === 200) answered += 1
    })
    await until(async () => (await waiting()) > 0, 'the searches to wait')
    await logIn(bag, ada)
    assert.equal(answered, 0)
    return begun
  })
  await Promise.all(searches)
})

test('where something has the words as they are typed, nothing else is offered', async () => {
  assert.deepEqual(await names('q=man'), ['Manhattan', 'The Third Man', '100% Wolf_Man \\ Alive'])
  assert.deepEqual(await names('q=kane'), ['Citizen Kane'])
})

test('what nothing comes near to is an empty list', async () => {
  for (const q of ['qqqqqqqq', 'xyz', 'qq', '‽', '-', 'orson qqqqqqqq', 'metropolis welles']) {
    assert.deepEqual(await names(`q=${q}`), [], q)
  }
})

test('what is longer when it is folded is searched for like anything else, and has no more words than any other', async () => {
  assert.deepEqual(await names(`q=metropolis${'ﬃ'.repeat(85)}`), [])
  assert.deepEqual(await names('q=½'), [])
  const words = '½'.repeat(200)
  assertError(await bag.request('GET', `/api/movies?q=${words}`), 'SchemaValidationError', ['q'])
  for (const q of [`metropolis${'ﬃ'.repeat(85)}`, words]) {
    const page = await bag.request('GET', `/?q=${q}`)
    assert.ok(page.status < 500, page.text)
  }
})

test('signs that mean something to a pattern mean themselves', async () => {
  assert.deepEqual(await names('q=100%25'), ['100% Wolf_Man \\ Alive'])
  assert.deepEqual(await names('q=wolf_m'), ['100% Wolf_Man \\ Alive'])
  assert.deepEqual(await names('q=\\ alive'), ['100% Wolf_Man \\ Alive'])
  for (const q of ['m%25n', 'm_n', '％＼', "'; drop table movies; --"]) assert.deepEqual(await names(`q=${q}`), [], q)
  assert.deepEqual(await names('genre=%25'), [])
  assert.deepEqual(await names('cast=Orson%25'), [])
})

test('genre, cast, year and who added it narrow the list, together and with words', async () => {
  assert.deepEqual(await names('genre=science fiction'), ['Alien', 'Metropolis'])
  assert.deepEqual(await names('genre=science'), [])
  assert.deepEqual(await names('cast=Orson'), [])
  assert.deepEqual(await names('year=1979'), ['Alien', 'Manhattan', '100% Wolf_Man \\ Alive'])
  assert.deepEqual(await names(`added_by=${ada.id}`), ['Amélie', 'Alien', 'The Third Man', 'Zazie dans le métro'])
  assert.deepEqual(await names(`added_by=${grace.id}&cast=orson welles&q=kane&year=1941&genre=drama`), ['Citizen Kane'])
  assert.deepEqual(await names(`added_by=${ada.id}&q=kane`), [])
})

test('every order is its reverse turned round, and movies without a year count as the oldest', async () => {
  const byYear = ['Zazie dans le métro', 'Metropolis', 'Citizen Kane', 'The Third Man', 'Alien', 'Manhattan']
  assert.deepEqual((await names('sort=year')).slice(0, 6), byYear)
  const byName = ['100% Wolf_Man \\ Alive', 'Alien', 'Amélie', 'Citizen Kane', 'Manhattan', 'Metropolis']
  assert.deepEqual((await names('sort=name')).slice(0, 6), byName)
  assert.deepEqual(await names('sort=added'), await names(''))
  for (const sort of ['added', 'name', 'year']) {
    assert.deepEqual((await names(`sort=-${sort}`)).reverse(), await names(`sort=${sort}`))
  }
})

test('names that begin as one searches come first, and any other order can be had', async () => {
  assert.deepEqual(await names('q=al'), ['Alien', 'Metropolis', '100% Wolf_Man \\ Alive'])
  assert.deepEqual(await names('q=al&sort=-year'), ['100% Wolf_Man \\ Alive', 'Alien', 'Metropolis'])
  assert.deepEqual(await names('q=al&sort=added'), ['Alien', 'Metropolis', '100% Wolf_Man \\ Alive'])
})

test('walking the pages of any search meets every movie once, in its order', async () => {
  const searches = ['', 'q=a', 'q=man', 'q=metropilis', 'genre=drama', 'year=1979', `added_by=${ada.id}`]
  const orders = ['added', '-added', 'name', '-name', 'year', '-year']
  for (const search of searches) {
    for (const order of [...orders, ...(search.startsWith('q') ? ['match'] : [])]) {
      const whole = await names(`${search}&sort=${order}`)
      assert(whole.length > 0, search)
      assert.deepEqual(await walk(`${search}&sort=${order}`, 2), whole, search)
    }
  }
})

test('wrong values are refused by name', async () => {
  const wrong = {
    q: ['a'.repeat(201), '%00', 'a b c d e f g h i j k', 'a&q=b'],
    genre: ['', 'a'.repeat(201)],
    cast: ['', '%00'],
    year: ['', '1799', '2201', 'old', '1979.5'],
    added_by: ['', 'ada', '1', `${ada.id}0`],
    sort: ['', 'id', 'match', 'name desc', '--name'],
  }
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      assertError(await bag.request('GET', `/api/movies?${field}=${value}`), 'SchemaValidationError', [field])
    }
  }
})

test('a place in one order is none in another', async () => {
  const { headers } = await bag.request('GET', '/api/movies?sort=name&limit=2')
  const cursor = /after=([\w-]+)/.exec(headers.get('link') ?? '')?.[1]
  assert.equal((await bag.request('GET', `/api/movies?sort=name&after=${cursor}`)).status, 200)
  for (const sort of ['added', '-name', 'year', 'match&q=a']) {
    assertError(await bag.request('GET', `/api/movies?sort=${sort}&after=${cursor}`), 'SchemaValidationError', [
      'after',
    ])
  }
})

test('a cursor that was tampered with is refused, not run', async () => {
  const cursors = [
    ['year', 'x', '1'],
    ['year', 1e300, '1'],
    ['year', 1.5, '1'],
    ['year', 1979, '0'],
    ['year', 1979, 1],
  ]
  for (const cursor of [...cursors, ['year', null, '1'], ['year'], ['year', 1, '1', 1], {}, null, 'year']) {
    const after = Buffer.from(JSON.stringify(cursor)).toString('base64url')
    assertError(await bag.request('GET', `/api/movies?sort=year&after=${after}`), 'SchemaValidationError', ['after'])
  }
  for (const name of ['a\0b', '\ud800', 1, null, {}]) {
    const after = Buffer.from(JSON.stringify(['name', name, '1'])).toString('base64url')
    assertError(await bag.request('GET', `/api/movies?sort=name&after=${after}`), 'SchemaValidationError', ['after'])
  }
})

test('notes are kept, and told where a movie is read by itself', async () => {
  const id = await add({
    name: 'Notorious',
    casts: ['Ingrid Bergman'],
    genres: ['Film noir'],
    notes: 'Shelf 3\n“good”',
  })
  const read = async () => (await bag.request('GET', `/api/movies/${id}`)).body.notes
  assert.equal(await read(), 'Shelf 3\n“good”')
  const listed = (await bag.request('GET', '/api/movies?q=notorious')).body
  assert.equal('notes' in listed[0], false)
  assert.equal((await bag.request('PUT', `/api/movies/${id}`, { year: 1946 }, asAda)).status, 200)
  assert.equal(await read(), 'Shelf 3\n“good”')
  assert.equal((await bag.request('PUT', `/api/movies/${id}`, { notes: null }, asAda)).status, 200)
  assert.equal(await read(), null)
  const long = await bag.request('PUT', `/api/movies/${id}`, { notes: 'a'.repeat(2001) }, asAda)
  assertError(long, 'SchemaValidationError', ['notes'])
})

test('what changes is found as it is now', async () => {
  const id = await add({ name: 'Solaris', casts: ['Natalya Bondarchuk'], genres: ['Drama'] })
  const change = { name: 'Stalker', casts: ['Alisa Freindlich'], genres: ['Science fiction'] }
  await bag.request('PUT', `/api/movies/${id}`, change, asAda)
  assert.deepEqual(await names('cast=natalya bondarchuk'), [])
  assert.deepEqual(await names('q=stalker&cast=alisa freindlich&genre=science fiction'), ['Stalker'])
  await bag.request('DELETE', `/api/movies/${id}`, undefined, asAda)
  assert.deepEqual(await names('cast=alisa freindlich'), [])
})

test('slips are forgiven in any script', async () => {
  await add({ name: 'Сталкер', casts: ['Александр Кайдановский'], genres: ['Драма'], year: 1979 })
  await add({ name: 'मुना मदन: अन्तर्राष्ट्रिय', casts: ['दीपक त्रिपाठी'], genres: ['नाटक'], year: 2003 })
  await add({ name: 'المصير', casts: ['نور الشريف'], genres: ['دراما'], year: 1997 })
  for (const slip of ['сталкир', 'сталер', 'стлакер', 'кайдоновский']) {
    assert.deepEqual(await names(`q=${slip}`), ['Сталкер'], slip)
  }
  for (const slip of ['अन्तराष्ट्रिय', 'अन्तर्राष्ट्रीय', 'त्रिपाठि', 'मूना']) {
    assert.deepEqual(await names(`q=${slip}`), ['मुना मदन: अन्तर्राष्ट्रिय'], slip)
  }
  assert.deepEqual(await names('q=المصبر'), ['المصير'])
})

async function add(movie: object, session = asAda): Promise<string> {
  const { body, text } = await bag.request('POST', '/api/movies', movie, session)
  assert(body.id, text)
  return body.id
}

async function names(query: string): Promise<string[]> {
  const { status, body, text } = await bag.request('GET', `/api/movies?${query}`)
  assert.equal(status, 200, text)
  return body.map(({ name }: { name: string }) => name)
}

/** How many statements wait for a lock. */
async function waiting(): Promise<number> {
  const rows = await bag.db.query(sql`
    select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
  return rows.length
}

async function walk(query: string, limit: number): Promise<string[]> {
  const met: string[] = []
  for (let next: string | undefined = `/api/movies?${query}&limit=${limit}`; next; ) {
    const { status, body, headers, text } = await bag.request('GET', next)
    assert.equal(status, 200, text)
    assert(body.length > 0 && body.length <= limit)
    met.push(...body.map(({ name }: { name: string }) => name))
    next = /^<(.+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1]
  }
  return met
}
