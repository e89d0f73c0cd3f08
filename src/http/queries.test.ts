import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { startMovieBag } from '../../test/movie-bag.ts'
import { translate } from '../i18n/translate.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('an unknown query parameter is refused by name, with the known names', async () => {
  const answer = await bag.request('GET', '/api/movies?limt=5&limit=5')
  assertError(answer, 'SchemaValidationError', ['limt'])
  assert.match(answer.body.detail, /^limt is unknown \(known: limit, after, q, genre, cast, year, added_by, sort\)\.$/)
  assertError(await bag.request('GET', '/api/movies?__proto__=1'), 'SchemaValidationError')
})

test('whole numbers in a query are written in digits', async () => {
  for (const limit of ['0x10', '1e1', '%201', '1%20', '+5', '5.0', '٥', '', 'five', '9'.repeat(400)]) {
    assertError(await bag.request('GET', `/api/movies?limit=${limit}`), 'SchemaValidationError', ['limit'])
  }
  assertError(await bag.request('GET', '/api/movies?limit=5&limit=6'), 'SchemaValidationError', ['limit'])
  assertError(await bag.request('GET', '/api/movies?limit=-5&year=0x7d0'), 'SchemaValidationError')
  assert.equal((await bag.request('GET', '/api/movies?limit=5&year=1927')).status, 200)
})

test('a page with an unknown query parameter or form field is an error page', async () => {
  const form = { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' }
  const requests = [
    ['GET', '/?limt=5', undefined],
    ['GET', '/movies/1?don=added', undefined],
    ['GET', '/log-in?nex=%2F', undefined],
    ['POST', '/log-in', 'email=ada@example.org&password=x&remember=1'],
    ['POST', '/sign-up', 'email=ada@example.org&password=a+gentle+reef&id=1'],
    ['POST', '/forgot', 'email=ada@example.org&id=1'],
    ['POST', '/reset', 'reset_token=x&password=y&email=ada@example.org'],
    ['POST', '/verify', 'token=x&email=ada@example.org'],
  ] as const
  for (const [method, path, body] of requests) {
    const { status, text } = await bag.request(method, path, body, form)
    assert.equal(status, 400, `${path}: ${text}`)
    assert(text.includes(`<h1>${translate('en', 'page.error.title')}</h1>`), path)
  }
  assert.equal((await bag.request('GET', '/?limit=&q=', undefined, form)).status, 200, 'empty fields are dropped')
})

test('a page that reads no query ignores what a mail program adds', async () => {
  const { status } = await bag.request('GET', '/forgot?utm_source=mail', undefined, { accept: 'text/html' })
  assert.equal(status, 200)
})
