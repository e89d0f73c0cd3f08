import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { assertError, type Code, contract } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'

const bag = await startMovieBag()
const withoutReference = await startMovieBag({ API_REFERENCE: 'off', DATABASE_URL: bag.databaseUrl }, bag.smtp)
after(async () => {
  await withoutReference.stop()
  await bag.stop()
})
const document = (await bag.request('GET', '/api/openapi.json')).body

/** What a body brings with it. */
const body: Code[] = ['SchemaValidationError', 'PayloadTooLargeError', 'UnsupportedMediaTypeError']
/** What any route may meet. */
const always: Code[] = ['InternalServerError', 'ServiceUnavailableError']

/** The contract's routes, with every error that it names for each. */
const routes: Record<string, Code[]> = {
  'post /api/auth/signup': ['EmailAlreadyExistsError', 'TooManyRequestsError', ...body],
  'post /api/auth/login': ['UnauthorizedError', 'TooManyRequestsError', ...body],
  'post /api/auth/forgot': ['EmailDoesnotExistsError', 'TooManyRequestsError', ...body],
  'post /api/auth/reset': ['BadTokenError', 'ExpiredTokenError', 'TooManyRequestsError', ...body],
  'get /api/movies': ['SchemaValidationError'],
  'post /api/movies': ['MovieAlreadyExistsError', 'InvalidSessionError', ...body],
  'get /api/movies/{id}': ['MovieNotExistsError'],
  'put /api/movies/{id}': ['UpdatingMovieError', 'MovieAlreadyExistsError', 'InvalidSessionError', ...body],
  'delete /api/movies/{id}': ['DeletingMovieError', 'InvalidSessionError'],
}

test('the document is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(document)
  assert(valid, JSON.stringify(errors))
  assert.equal(document.openapi, '3.1.0')
})

test('the document lists every route of the contract with its success and every error', () => {
  for (const [route, codes] of Object.entries(routes)) {
    const [method = '', path = ''] = route.split(' ')
    const { responses, summary } = document.paths[path]?.[method] ?? {}
    assert(summary, `${route} is not described`)
    assert(responses[200], `${route} has no success`)
    for (const code of [...codes, ...always]) {
      const [status] = contract[code]
      const response = responses[status]
      assert(response?.description.includes(code), `${route} does not name ${code}`)
      assert.deepEqual(response.content['application/problem+json'].schema, { $ref: '#/components/schemas/Error' })
    }
  }
})

test('the document lists every error code with its status and message', () => {
  const codes = document.components.schemas.Error.properties.code.enum
  for (const [code, [status, message]] of Object.entries(contract)) {
    assert(codes.includes(code), code)
    assert(document.info.description.includes(`| ${code} | ${status} | ${message ?? ''}`), code)
  }
})

test('only routes that need a session say so', () => {
  const secured = ['post /api/movies', 'put /api/movies/{id}', 'delete /api/movies/{id}']
  for (const route of Object.keys(routes)) {
    const [method = '', path = ''] = route.split(' ')
    const expected = secured.includes(route) ? [{ bearer: [] }] : undefined
    assert.deepEqual(document.paths[path][method].security, expected, route)
  }
})

test('the described bodies are the accepted ones: examples work and limits are stated', async () => {
  const { schema } = document.paths['/api/auth/signup'].post.requestBody.content['application/json']
  assert.deepEqual(schema.required, ['email', 'password'])
  assert.equal(schema.additionalProperties, false)
  const [email] = schema.properties.email.examples
  assert.equal((await bag.request('POST', '/api/auth/signup', { email, password: 'a long password' })).status, 200)

  const movie = document.paths['/api/movies'].post.requestBody.content['application/json'].schema
  assert.deepEqual(movie.required, ['name', 'casts', 'genres'])
  const { name, casts, genres } = movie.properties
  assert.deepEqual([name.minLength, name.maxLength], [1, 300])
  assert.deepEqual([casts.minItems, casts.maxItems, casts.items.maxLength], [1, 200, 200])
  assert.deepEqual([genres.minItems, genres.maxItems, genres.items.maxLength], [1, 30, 200])
})

test('a movie has exactly the documented members', async () => {
  const grace = await logIn(bag, await signUp(bag, 'grace'))
  const metropolis = { name: 'Metropolis', casts: ['Brigitte Helm'], genres: ['Drama'] }
  const { id } = (await bag.request('POST', '/api/movies', metropolis, grace)).body
  const { body: movie } = await bag.request('GET', `/api/movies/${id}`)
  assert.deepEqual(Object.keys(movie).sort(), document.components.schemas.Movie.required.toSorted())
})

test('the API reference loads only from its own origin', async () => {
  const page = await bag.request('GET', '/docs')
  assert.equal(page.status, 200)
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/)
  const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, link = '']) => new URL(link, `${bag.url}/docs`),
  )
  assert(
    links.some(({ pathname }) => pathname.endsWith('.js')) && links.some(({ pathname }) => pathname.endsWith('.css')),
  )
  for (const { origin, pathname } of links) {
    assert.equal(origin, bag.url)
    const { status, headers } = await bag.request('GET', pathname)
    assert.equal(status, 200, pathname)
    assert.match(headers.get('content-type') ?? '', /javascript|css|image/, pathname)
  }
  const settings = await bag.request('GET', '/docs/static/swagger-initializer.js')
  assert.match(settings.text, /"url":"\/api\/openapi\.json"/)
  assert.match(settings.text, /"validatorUrl":null/, 'or a picture is asked of validator.swagger.io')
})

test('the document has one address', async () => {
  for (const path of ['/docs/json', '/docs/yaml']) assertError(await bag.request('GET', path), 'NotFoundError')
})

test('with API_REFERENCE=off, the reference and the document are paths like any unknown one, and no page links there', async () => {
  for (const path of ['/docs', '/docs/', '/docs/static/swagger-ui.css', '/docs/json', '/api/openapi.json']) {
    for (const method of ['GET', 'POST']) {
      assertError(await withoutReference.request(method, path), 'NotFoundError')
    }
  }
  assert.match((await bag.request('GET', '/log-in')).text, /href="\/docs"/)
  assert.doesNotMatch((await withoutReference.request('GET', '/log-in')).text, /\/docs/)
  const login = { email: 'nobody@example.org', password: 'a wrong password' }
  assertError(await withoutReference.request('POST', '/api/auth/login', login), 'UnauthorizedError')
})
