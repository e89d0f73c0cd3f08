import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { head, sendRaw } from '../../test/raw-http.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const ada = await logIn(bag, await signUp(bag, 'ada'))
const metropolis = { name: 'Metropolis', casts: ['Brigitte Helm'], genres: ['Drama'] }
const { id } = (await bag.request('POST', '/api/movies', metropolis, ada)).body

const allowed = {
  '/api/auth/signup': ['POST'],
  '/api/auth/login': ['POST'],
  '/api/auth/forgot': ['POST'],
  '/api/auth/reset': ['POST'],
  '/api/movies': ['GET', 'HEAD', 'POST'],
  [`/api/movies/${id}`]: ['DELETE', 'GET', 'HEAD', 'PUT'],
  '/health/live': ['GET', 'HEAD'],
  '/health/ready': ['GET', 'HEAD'],
  '/api/openapi.json': ['GET', 'HEAD'],
  '/forgot': ['GET', 'HEAD', 'POST'],
  '/reset/a-token': ['GET', 'HEAD'],
}

test('a wrong method on a known path is 405 and names the allowed methods', async () => {
  const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'LINK', 'QUERY']
  for (const [path, known] of Object.entries(allowed)) {
    for (const method of methods.filter((method) => !known.includes(method))) {
      const answer = await sendRaw(bag.url, head(`${method} ${path} HTTP/1.1`))
      assertError(answer, 'MethodNotAllowedError')
      assert.deepEqual(answer.headers.get('allow')?.split(', ').sort(), known, `${method} ${path}`)
    }
  }
})

test('an unknown path is 404 with every method', async () => {
  const paths = [
    '/api',
    '/api/',
    '/api/users',
    '/API/movies',
    '/api/movies/1/casts',
    '/.well-known/nothing',
    '/favicon.ico',
  ]
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
      assertError(await sendRaw(bag.url, head(`${method} ${path} HTTP/1.1`)), 'NotFoundError')
    }
  }
})

test('missing files are 404 like any other path', async () => {
  for (const path of ['/assets/nothing.css', '/docs/static/nothing.js']) {
    assertError(await bag.request('GET', path), 'NotFoundError')
  }
})

test('no path leads out of the public folder', async () => {
  for (const path of [
    '/assets/..%2fpackage.json',
    '/assets/%2e%2e/package.json',
    '/docs/static/..%2f..%2fpackage.json',
  ]) {
    const { status, text } = await sendRaw(bag.url, head(`GET ${path} HTTP/1.1`))
    assert.equal(status, 404, path)
    assert.doesNotMatch(text, /"dependencies"|required fields/)
  }
})

test('a wrong method or an unknown path is refused before the body is read', async () => {
  const body = ['content-type: application/json', 'content-length: 1000000']
  assertError(await sendRaw(bag.url, head('PATCH /api/movies HTTP/1.1', ...body)), 'MethodNotAllowedError')
  assertError(await sendRaw(bag.url, head('POST /api/users HTTP/1.1', ...body)), 'NotFoundError')
})

test('a request without a session is refused before its body is read', async () => {
  const body = ['content-type: application/json', 'content-length: 1000000']
  assertError(await sendRaw(bag.url, head('POST /api/movies HTTP/1.1', ...body)), 'InvalidSessionError')
})

test('HEAD returns what GET does, without the body', async () => {
  const paths = ['/', '/api/movies', '/api/movies?limit=0', `/api/movies/${id}`, '/api/movies/0', '/api/openapi.json']
  const others = [
    '/docs',
    '/health/live',
    '/health/ready',
    '/forgot',
    '/reset/a-token',
    '/assets/style.css',
    '/api/users',
  ]
  for (const path of [...paths, ...others]) {
    const [get, asHead] = [await bag.request('GET', path), await bag.request('HEAD', path)]
    assert.equal(asHead.status, get.status, path)
    assert.equal(asHead.text, '')
    for (const name of ['content-type', 'cache-control', 'location', 'allow']) {
      assert.equal(asHead.headers.get(name), get.headers.get(name), `${name} of ${path}`)
    }
  }
})
