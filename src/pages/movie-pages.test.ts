import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { brotliDecompressSync } from 'node:zlib'
import { type HTMLElement, parse } from 'node-html-parser'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { sql } from '../database/database.ts'
import { translate } from '../i18n/translate.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const [ada, grace] = [await signUp(bag, 'ada'), await signUp(bag, 'grace')]
const [asAda, asGrace] = [await windowOf(ada), await windowOf(grace)]
const stranger = {}

const alien = {
  name: 'Alien',
  year: '1979',
  casts: 'Sigourney Weaver\r\nIan Holm',
  genres: 'Horror, Thriller',
  notes: '',
}

test('an empty collection invites strangers to sign up and users to add a movie', async () => {
  assert.equal(
    (await page('/', stranger)).querySelector('.empty .button')?.getAttribute('href'),
    '/sign-up?next=%2Fmovies%2Fnew',
  )
  assert.equal((await page('/', asAda)).querySelector('.empty .button')?.getAttribute('href'), '/movies/new')
})

test('a movie is added by a form and has a page', async () => {
  const path = await add({ ...alien, notes: 'Shelf 3\r\nsecond row' })
  const shown = await page(path, stranger)
  assert.equal(shown.querySelector('h1')?.text, 'Alien')
  assert.deepEqual(textsOf(shown, '.cast li'), ['Sigourney Weaver', 'Ian Holm'])
  assert.deepEqual(textsOf(shown, '.tags li'), ['Horror', 'Thriller'])
  assert.equal(shown.querySelector('.notes')?.text, 'Shelf 3\nsecond row')
  assert.deepEqual(textsOf(shown, 'main form'), [], 'strangers change nothing')
  const { body } = await bag.request('GET', '/api/movies?q=alien')
  assert.deepEqual([body[0].name, body[0].year, body[0].added_by], ['Alien', 1979, ada.id])
})

test('errors are shown at each field, and typed values are kept', async () => {
  const typed = { name: ' ', year: '79', casts: '\r\n', genres: 'Horror', notes: 'a<b>"&' }
  const answer = await send('/movies/new', typed, asAda)
  assert.equal(answer.status, 400)
  const shown = parse(answer.text)
  for (const field of ['name', 'year', 'casts']) {
    const input = shown.querySelector(`#${field}`)
    assert.equal(input?.getAttribute('aria-invalid'), 'true')
    assert.match(input?.getAttribute('aria-describedby') ?? '', new RegExp(`^${field}-error`))
    assert(shown.querySelector(`#${field}-error`)?.text)
  }
  assert.equal(shown.querySelectorAll('[autofocus]').length, 1)
  assert.equal(shown.querySelector('#year')?.getAttribute('value'), '79')
  assert.match(shown.querySelector('#genres')?.text ?? '', /^\s*Horror$/)
  assert.match(answer.text, /a&lt;b&gt;&#34;&amp;|a&lt;b&gt;&quot;&amp;/)
})

test('a taken name is shown at the name, and a year makes it another movie', async () => {
  const again = await send('/movies/new', alien, asGrace)
  assert.equal(again.status, 400)
  assert.equal(parse(again.text).querySelector('#name-error')?.text, translate('en', 'page.movie-form.taken'))
  assert.equal((await send('/movies/new', { ...alien, year: '2026' }, asGrace)).status, 303)
})

test('only the person who added a movie can open and submit the form to change it', async () => {
  const path = await add({ ...alien, name: 'Solaris' })
  assert.equal(
    (await get(`${path}/edit`, stranger)).headers.get('location'),
    `/log-in?next=${encodeURIComponent(`${path}/edit`)}`,
  )
  assert.equal((await get(`${path}/edit`, asGrace)).status, 403)
  assert.equal((await send(`${path}/edit`, { ...alien, name: 'Eve was here' }, asGrace)).status, 403)
  assert.equal((await send(`${path}/delete`, {}, asGrace)).status, 403)
  assert.equal((await page(path, asGrace)).querySelectorAll('main form').length, 0)

  const form = await page(`${path}/edit`, asAda)
  assert.equal(form.querySelector('#name')?.getAttribute('value'), 'Solaris')
  assert.match(form.querySelector('#casts')?.text ?? '', /^\s*Sigourney Weaver\nIan Holm$/)
  const changed = await send(`${path}/edit`, { ...alien, name: 'Stalker', year: '' }, asAda)
  assert.equal(changed.headers.get('location'), `${path}?done=changed`)
  const shown = await page(path, asAda)
  assert.equal(shown.querySelector('h1')?.text, 'Stalker')
  assert.equal(shown.querySelector('a[href^="/?year="]'), null)
})

test('saving a form unchanged changes nothing, even with commas in a genre', async () => {
  const session = await logIn(bag, ada)
  for (const [name, genre] of Object.entries({ Odd: 'Short, silent', Even: 'قصير، صامت' })) {
    const movie = { name, year: null, casts: ['Sammy Davis, Jr.'], genres: [genre], notes: ' \nkept' }
    const { id } = (await bag.request('POST', '/api/movies', movie, session)).body
    const form = await page(`/movies/${id}/edit`, asAda)
    const field = (of: string) => form.querySelector(`#${of}`)?.text.replace(/^\n/, '').replaceAll('\n', '\r\n') ?? ''
    const typed = { name, year: '', casts: field('casts'), genres: field('genres'), notes: field('notes') }
    assert.equal((await send(`/movies/${id}/edit`, typed, asAda)).status, 303)
    const { body } = await bag.request('GET', `/api/movies/${id}`)
    assert.deepEqual([body.casts, body.genres, body.notes], [movie.casts, movie.genres, 'kept'])
  }
})

test('the comma of an Arabic keyboard separates genres', async () => {
  const path = await add({ ...alien, name: 'كفرناحوم', genres: 'دراما، جريمة' })
  assert.deepEqual(textsOf(await page(path, stranger), '.tags li'), ['دراما', 'جريمة'])
})

test('deleting a movie frees its name', async () => {
  const path = await add({ ...alien, name: 'Free' })
  const answer = await send(`${path}/delete`, {}, asAda)
  assert.equal(answer.headers.get('location'), `/?deleted=${path.split('/').at(-1)}`)
  assert.equal((await get(path, asAda)).status, 404)
  assert.equal((await bag.request('GET', `/api${path}`)).body.code, 'MovieNotExistsError')
  await add({ ...alien, name: 'Free' })
})

test('undo restores a deleted movie as it was, at its old URL', async () => {
  const path = await add({ ...alien, name: 'Back', notes: 'kept' })
  const before = (await bag.request('GET', `/api${path}`)).body
  const after = (await send(`${path}/delete`, {}, asAda)).headers.get('location') ?? ''
  const offer = (await page(after, asAda)).querySelector('form.undo')
  assert.match(offer?.text ?? '', /Back.*deleted/)
  assert.equal((await page(after, asGrace)).querySelector('form.undo'), null, 'nobody else is told')
  const undo = offer?.getAttribute('action') ?? ''
  assert.equal((await send(undo, {}, asGrace)).status, 400, 'nobody else undoes it')
  assert.equal((await send(undo, {}, asAda)).headers.get('location'), `${path}?done=restored`)
  assert.deepEqual((await bag.request('GET', `/api${path}`)).body, before)
  assert.equal((await send(undo, {}, asAda)).status, 400, 'there is nothing left to undo')
})

test('undo expires, and does not take a name from another movie', async () => {
  const late = await add({ ...alien, name: 'Late' })
  await send(`${late}/delete`, {}, asAda)
  await passTime(bag, '61 seconds')
  assert.equal((await page(`/?deleted=${late.split('/').at(-1)}`, asAda)).querySelector('form.undo'), null)
  assert.equal((await send(`${late}/put-back`, {}, asAda)).status, 400)

  const taken = await add({ ...alien, name: 'Taken' })
  await send(`${taken}/delete`, {}, asAda)
  const newer = await add({ ...alien, name: 'Taken' })
  assert.equal((await send(`${taken}/put-back`, {}, asAda)).status, 400)
  assert.equal((await send(`${newer}/delete`, {}, asAda)).status, 303)
  assert.equal((await send(`${taken}/put-back`, {}, asAda)).status, 303, 'it was kept meanwhile')
})

test('another site cannot submit these forms', async () => {
  const path = await add({ ...alien, name: 'Safe' })
  const elsewhere = { ...asAda, 'sec-fetch-site': 'cross-site' }
  for (const form of [`${path}/delete`, `${path}/edit`, '/movies/new']) {
    assert.equal((await send(form, { ...alien, name: 'Eve was here' }, elsewhere)).status, 400)
  }
  assert.equal((await get(path, asAda)).status, 200)
})

test('the collection searches, filters and sorts like the API, and keeps the typed values', async () => {
  await add({ ...alien, name: 'Amélie', year: '2001', casts: 'Audrey Tautou', genres: 'Comedy' })
  const found = await page('/?q=ameli&genre=&cast=&year=&added_by=&sort=', stranger)
  assert.deepEqual(textsOf(found, '.movies .name'), ['Amélie'])
  assert.equal(found.querySelector('#q')?.getAttribute('value'), 'ameli')
  assert.deepEqual(textsOf(await page('/?genre=comedy&cast=audrey+tautou&year=2001', stranger), '.movies .name'), [
    'Amélie',
  ])
  assert.deepEqual(textsOf(await page('/?q=sort&sort=match', stranger), '.movies .name'), [])
  assert.deepEqual(textsOf(await page(`/?added_by=${grace.id}`, stranger), '.movies .name'), ['Alien'])
  const slip = await page('/?q=amleie', stranger)
  assert.deepEqual(textsOf(slip, '.movies .name'), ['Amélie'])
  assert.match(slip.querySelector('.notice')?.text ?? '', /amleie.*amelie/)
  const names = textsOf(await page('/?sort=-name', stranger), '.movies .name')
  assert.deepEqual(names, names.toSorted().reverse())
})

test('each active filter can be removed separately', async () => {
  const shown = await page('/?genre=Comedy&year=2001&q=am', stranger)
  const links = shown.querySelectorAll('.results-head > .tags a').map((link) => link.getAttribute('href'))
  assert.deepEqual(links, ['/?q=am&year=2001', '/?q=am&genre=Comedy'])
})

test('an invalid filter is shown at its field', async () => {
  const answer = await get('/?year=long+ago&q=alien', stranger)
  assert.equal(answer.status, 400)
  const shown = parse(answer.text)
  assert.equal(shown.querySelector('#year')?.getAttribute('value'), 'long ago')
  assert(shown.querySelector('#year-error')?.text)
  for (const query of ['q=a&q=b', 'after=x', 'sort=id', 'view=x', 'added_by=eve', 'year=1e9', 'q=%00']) {
    assert.equal((await get(`/?${query}`, stranger)).status, 400, query)
  }
})

test('page links keep every filter', async () => {
  for (let count = 1; count <= 50; count++) await add({ ...alien, name: `Walk ${count}`, genres: 'Road movie' })
  const met: string[] = []
  let next: string | undefined = '/?genre=road+movie&sort=-added'
  for (let pages = 1; next; pages++) {
    const shown: HTMLElement = await page(next, stranger)
    met.push(...textsOf(shown, '.movies .name'))
    next = shown.querySelector('a[rel=next]')?.getAttribute('href')
    assert(pages <= 3)
    if (pages > 1) assert.equal(shown.querySelector('.pages a')?.getAttribute('href'), '/?genre=road+movie&sort=-added')
  }
  assert.deepEqual(
    met,
    Array.from({ length: 50 }, (_, index) => `Walk ${50 - index}`),
  )
})

test('grid or list is remembered', async () => {
  const answer = await get('/?view=list&q=walk', stranger)
  assert(parse(answer.text).querySelector('.movies.list'))
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
  assert((await page('/', { cookie })).querySelector('.movies.list'))
  assert((await page('/', { cookie: 'movie_bag_view=<script>' })).querySelector('.movies.grid'))
})

test('typed text is shown, never run', async () => {
  const nasty = '"><script>alert(1)</script>'
  const path = await add({ name: nasty, year: '', casts: nasty, genres: nasty, notes: nasty })
  const query = encodeURIComponent(nasty)
  for (const address of [
    path,
    `${path}/edit`,
    `/?q=${query}`,
    `/?genre=${query}`,
    `/?cast=${query}`,
    `/?year=${query}`,
  ]) {
    const { text, headers } = await get(address, asAda)
    assert.doesNotMatch(text, /<script>/, address)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/)
    assert.equal(parse(text).querySelectorAll('[style], [onclick]').length, 0)
  }
})

test('a page of movies loads less than 30 kB, and less than 10 kB of scripts', async () => {
  const { text, bytes } = await compressed('/?sort=-added')
  const assets = parse(text)
    .querySelectorAll('link[rel=stylesheet], script[src], img[src], link[rel=icon]')
    .map((element) => element.getAttribute('href') ?? element.getAttribute('src') ?? '')
  const sizes = await Promise.all([...new Set(assets)].map(async (path) => (await compressed(path)).bytes))
  const total = sizes.reduce((sum, size) => sum + size, bytes)
  assert(assets.length >= 3 && total < 30_000, `${total} bytes`)
  const scripts = await Promise.all(['movies', 'password'].map((name) => compressed(`/assets/${name}.js`)))
  assert(scripts.reduce((sum, script) => sum + script.bytes, 0) < 10_000)
})

test('pages with a token or email address are not compressed, because their length would leak it', async () => {
  const { db } = bag
  await bag.request('POST', '/api/auth/forgot', { email: ada.email })
  const token = await bag.smtp.tokenFor(ada.email)
  for (const path of [`/reset/${token}`, '/account', '/forgot', '/log-in?next=%2Fmovies%2F1', '/account/history']) {
    const { headers, status } = await get(path, { ...asAda, 'accept-encoding': 'br, gzip' })
    assert.equal(headers.get('content-encoding'), null, path)
    assert(status < 400, path)
  }
  assert.equal((await db.query(sql`select id from movies where name = 'Alien' and year = 1979`)).length, 1)
})

type Headers = Record<string, string>

async function windowOf({ email, password }: { email: string; password: string }): Promise<Headers> {
  const { headers } = await send('/log-in', { email, password, next: '/' }, {})
  const cookie = headers.getSetCookie().find((text) => text.startsWith('movie_bag='))
  return { cookie: cookie?.split(';')[0] ?? assert.fail('no session') }
}

function get(path: string, headers: Headers) {
  return bag.request('GET', path, undefined, { accept: 'text/html', ...headers })
}

async function page(path: string, headers: Headers): Promise<HTMLElement> {
  const { status, text } = await get(path, headers)
  assert.equal(status, 200, text)
  return parse(text)
}

function send(path: string, fields: Record<string, string>, headers: Headers) {
  const type = { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' }
  return bag.request('POST', path, new URLSearchParams(fields).toString(), { ...type, ...headers })
}

/** Adds a movie of Ada's. Answers the path of its page. */
async function add(movie: Record<string, string>): Promise<string> {
  const { headers, text } = await send('/movies/new', movie, asAda)
  return headers.get('location')?.replace('?done=added', '') ?? assert.fail(text)
}

function textsOf(within: HTMLElement, selector: string): string[] {
  return within.querySelectorAll(selector).map((element) => element.text.trim())
}

/** What goes over the wire for a browser. */
async function compressed(path: string) {
  const { request } = await import('node:http')
  const content = await new Promise<{ encoding: string | undefined; bytes: Buffer }>((resolve, reject) => {
    const asked = request(
      bag.url + path,
      { headers: { accept: 'text/html', 'accept-encoding': 'br' } },
      async (answer) => {
        const chunks: Buffer[] = []
        for await (const chunk of answer) chunks.push(chunk)
        resolve({ encoding: answer.headers['content-encoding'], bytes: Buffer.concat(chunks) })
      },
    )
    asked.on('error', reject).end()
  })
  const text = content.encoding === 'br' ? brotliDecompressSync(content.bytes) : content.bytes
  return { text: text.toString('utf8'), bytes: content.bytes.length }
}
