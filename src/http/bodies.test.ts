import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { assertError, type Code } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { head, sendRaw } from '../../test/raw-http.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const person = await signUp(bag, 'ada')
const ada = await logIn(bag, person)
const metropolis = { name: 'Metropolis', casts: ['Brigitte Helm'], genres: ['Drama'] }
const { id } = (await bag.request('POST', '/api/movies', metropolis, ada)).body

/** Every route that takes a body, with one that it understands. */
const routes: [method: string, path: string, body: Record<string, unknown>][] = [
  ['POST', '/api/auth/signup', { email: 'grace@example.org', password: 'the long password of grace' }],
  ['POST', '/api/auth/login', { email: person.email, password: person.password }],
  ['POST', '/api/auth/forgot', { email: person.email }],
  ['POST', '/api/auth/reset', { reset_token: 'abcdefghijklmnopqrstuvwxyz', password: 'a long new password' }],
  ['POST', '/api/movies', metropolis],
  ['PUT', `/api/movies/${id}`, metropolis],
]
const json: Record<string, string> = { ...ada, 'content-type': 'application/json' }

/** Each route answers that body with the error. `fields`, where given, are the wrong fields that it names. */
async function refused(body: string | Uint8Array, code: Code, fields?: string[], headers = json) {
  for (const [method, path] of routes) {
    assertError(await bag.request(method, path, body, headers), code, fields)
  }
}

test('broken JSON is SchemaValidationError on every route', async () => {
  for (const body of ['{', '{"email"}', "{'email': 1}", 'email=ada@example.org', '{}{}', '\u{feff}}', 'NaN']) {
    await refused(body, 'SchemaValidationError')
  }
})

test('anything but an object is SchemaValidationError on every route', async () => {
  for (const body of ['[]', '[{"email":"ada@example.org"}]', '"text"', '1', 'true', 'null', '']) {
    await refused(body, 'SchemaValidationError', ['body'])
  }
  for (const [method, path] of routes) {
    assertError(await bag.request(method, path, undefined, ada), 'SchemaValidationError', ['body'])
  }
})

test('a field of a wrong type is named, and so is each one that is missing', async () => {
  const wrong = [null, 1, true, [], ['text'], {}, { $regex: '.*' }, { $ne: null }]
  for (const [method, path, body] of routes) {
    for (const name of Object.keys(body)) {
      for (const value of wrong.filter((value) => !(Array.isArray(body[name]) && Array.isArray(value)))) {
        assertError(await bag.request(method, path, { ...body, [name]: value }, ada), 'SchemaValidationError', [name])
      }
    }
    const missing = method === 'PUT' ? ['body'] : Object.keys(body)
    assertError(await bag.request(method, path, {}, ada), 'SchemaValidationError', missing)
  }
})

test('an object is not taken for an email address, a password or a token', async () => {
  const { email, password } = person
  for (const operator of [{ $regex: '.*' }, { $ne: null }, { $gt: '' }]) {
    for (const path of ['/api/auth/login', '/api/auth/signup']) {
      assertError(await bag.request('POST', path, { email: operator, password }), 'SchemaValidationError', ['email'])
      assertError(await bag.request('POST', path, { email, password: operator }), 'SchemaValidationError', ['password'])
    }
    assertError(await bag.request('POST', '/api/auth/forgot', { email: operator }), 'SchemaValidationError', ['email'])
    const reset = { reset_token: operator, password: 'a long new password' }
    assertError(await bag.request('POST', '/api/auth/reset', reset), 'SchemaValidationError', ['reset_token'])
  }
})

test('an unknown field is refused by name everywhere but on login', async () => {
  for (const [method, path, body] of routes) {
    for (const name of ['id', '_id', 'added_by', '$set', 'constructor', 'toString', 'a\0b']) {
      const answer = await bag.request(method, path, { ...body, [name]: 'x' }, ada)
      if (path === '/api/auth/login') assert.equal(answer.status, 200, answer.text)
      else assertError(answer, 'SchemaValidationError', [name])
    }
  }
})

test('for a field with alternatives, the error is about the closest one', async () => {
  const { body } = await bag.request('POST', '/api/movies', { ...metropolis, year: 1799 }, ada)
  assert.deepEqual(body.errors, [{ field: 'year', detail: 'must be >= 1800', reason: 'too-small', min: 1800 }])
})

test('prototype keys are refused on every route', async () => {
  for (const [method, path, body] of routes) {
    for (const key of ['"__proto__": {"isAdmin": true}', '"constructor": {"prototype": {"isAdmin": true}}']) {
      const poisoned = JSON.stringify(body).replace('{', `{${key}, `)
      assertError(await bag.request(method, path, poisoned, json), 'SchemaValidationError')
    }
  }
})

test('the last of duplicate keys counts, so the value checked is the value used', async () => {
  const body = '{"email": "eve@example.org", "password": "too short", "password": "short"}'
  assertError(await bag.request('POST', '/api/auth/signup', body, json), 'SchemaValidationError', ['password'])
  const login = `{"email": "${person.email}", "password": "wrong", "password": "${person.password}"}`
  assert.equal((await bag.request('POST', '/api/auth/login', login, json)).status, 200)
})

test('deep nesting is refused like a wrong type', async () => {
  await refused('['.repeat(49_000) + ']'.repeat(49_000), 'SchemaValidationError', ['body'])
  await refused(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 'SchemaValidationError')
})

test('invalid UTF-8 is SchemaValidationError on every route', async () => {
  const overlong = Buffer.from('{"email":"\xc0\xaf@example.org"}', 'latin1')
  const surrogate = Buffer.from('{"email":"\xed\xa0\x80"}', 'latin1')
  const cut = Buffer.from('{"email":"\xf0\x9f"}', 'latin1')
  for (const body of [overlong, surrogate, cut, Buffer.from('{"email":1}', 'utf16le')]) {
    await refused(body, 'SchemaValidationError')
  }
})

test('a body above 100 kB is PayloadTooLargeError, declared or not', async () => {
  for (const size of [101_000, 1_000_000]) {
    await refused(JSON.stringify({ email: 'a'.repeat(size) }), 'PayloadTooLargeError')
  }
  const body = `{"email": "${'a'.repeat(101_000)}"}`
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const type = ['content-type: application/json', 'transfer-encoding: chunked']
  assertError(await sendRaw(bag.url, head('POST /api/auth/login HTTP/1.1', ...type) + chunked), 'PayloadTooLargeError')
})

test('a body just below 100 kB is read', async () => {
  const body = { email: person.email, password: person.password, ignored: 'a'.repeat(99_000) }
  assert.equal((await bag.request('POST', '/api/auth/login', body)).status, 200)
})

test('a wrong, missing or repeated content type is UnsupportedMediaTypeError on every route', async () => {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
  ]
  const odd = ['application/json5', 'application/jsonp', 'json', 'application/json, text/plain', '*/*']
  for (const type of [...types, ...odd]) {
    await refused('{"email":"ada@example.org"}', 'UnsupportedMediaTypeError', undefined, {
      ...ada,
      'content-type': type,
    })
  }
  for (const [method, path] of routes) {
    const lines = [`authorization: ${ada['authorization']}`, 'content-length: 2']
    assertError(
      await sendRaw(bag.url, `${head(`${method} ${path} HTTP/1.1`, ...lines)}{}`),
      'UnsupportedMediaTypeError',
    )
  }
})

test('a content type may be written in any case, and with a charset', async () => {
  const body = JSON.stringify({ email: person.email, password: person.password })
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json;charset="UTF-8"']) {
    assert.equal((await bag.request('POST', '/api/auth/login', body, { 'content-type': type })).status, 200, type)
  }
})

test('a compressed body is refused', async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000, '['))
  await refused(bomb, 'SchemaValidationError', undefined, { ...json, 'content-encoding': 'gzip' })
})

test('DELETE accepts an empty JSON body', async () => {
  const added = await bag.request('POST', '/api/movies', { ...metropolis, name: 'Stalker' }, ada)
  assert.equal((await bag.request('DELETE', `/api/movies/${added.body.id}`, '', json)).status, 200)
})

test('afterwards no error is in the log', async () => {
  const trouble = bag.log.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
  assert.deepEqual(trouble, [])
})
