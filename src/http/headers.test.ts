import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Answer, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { head, sendRaw } from '../../test/raw-http.ts'

const bag = await startMovieBag({ PUBLIC_URL: 'https://movies.example.org' })
after(() => bag.stop())

const always = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'strict-transport-security': 'max-age=31536000',
}

test('every response has the security headers, errors included', async () => {
  const long = 'a'.repeat(20_000)
  const answers = {
    list: await bag.request('GET', '/api/movies'),
    page: await bag.request('GET', '/forgot'),
    asset: await bag.request('GET', '/assets/style.css'),
    reference: await bag.request('GET', '/docs'),
    redirect: await bag.request('GET', '/.well-known/change-password'),
    'unknown path': await bag.request('GET', '/api/users'),
    'unknown file': await bag.request('GET', '/assets/nothing.css'),
    'wrong method': await bag.request('PATCH', '/api/movies'),
    'no session': await bag.request('POST', '/api/movies', {}),
    'broken JSON': await bag.request('POST', '/api/auth/login', '{'),
    'bad escape': await bag.request('GET', '/api/movies/%zz'),
    garbage: await sendRaw(bag.url, 'this is not HTTP\r\n\r\n'),
    'long header': await sendRaw(bag.url, head('GET /api/movies HTTP/1.1', `x-long: ${long}`)),
  }
  for (const [name, { headers }] of Object.entries(answers)) {
    for (const [header, value] of Object.entries(always)) assert.equal(headers.get(header), value, `${header}: ${name}`)
    assert.equal(headers.get('referrer-policy'), name === 'page' ? 'same-origin' : 'no-referrer', name)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/, name)
    assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe|https?:|\*/, name)
  }
})

test('no response names the software or its version', async () => {
  const { headers, text } = await bag.request('GET', '/api/users')
  assert.equal(headers.get('server'), null)
  assert.equal(headers.get('x-powered-by'), null)
  assert.doesNotMatch(text, /fastify|node/i)
})

test('every response has its own request id, never the caller’s', async () => {
  const asked = { 'x-request-id': 'chosen-by-eve', 'request-id': 'chosen-by-eve' }
  const ids = await Promise.all([1, 2].map(() => bag.request('GET', '/health/live', undefined, asked).then(requestId)))
  assert.notEqual(ids[0], ids[1])
  for (const id of ids) assert.match(id ?? '', /^[0-9a-f-]{36}$/)
})

test('responses with credentials or account data are never cached', async () => {
  const ada = await signUp(bag, 'ada')
  const login = await bag.request('POST', '/api/auth/login', { email: ada.email, password: ada.password })
  const answers = [login, await bag.request('GET', '/reset/a-token'), await bag.request('GET', '/forgot')]
  for (const { headers } of answers) assert.equal(headers.get('cache-control'), 'no-store')
})

test('a page with a token in its URL sends no referrer', async () => {
  for (const path of ['/reset/a-token', '/verify/a-token', '/not-me/a-token', '/reset/a-token/and-more']) {
    const { headers } = await bag.request('GET', path, undefined, { accept: 'text/html' })
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path)
  }
})

test('assets name their charset, and that they vary by encoding, whether compressed or not', async () => {
  for (const file of ['style.css', 'movies.js', 'favicon.svg']) {
    for (const encoding of ['br', 'identity']) {
      const { headers } = await bag.request('GET', `/assets/${file}`, undefined, { 'accept-encoding': encoding })
      assert.match(headers.get('content-type') ?? '', /; charset=utf-8$/i, `${file} ${encoding}`)
      assert.match(headers.get('vary') ?? '', /accept-encoding/i, `${file} ${encoding}`)
    }
  }
})

function requestId({ headers }: Answer): string | null {
  return headers.get('x-request-id')
}

test('subdomains have to use https, and security.txt exists, only if the operator says so', async (t) => {
  const path = '/.well-known/security.txt'
  assert.equal((await bag.request('GET', path)).status, 404)
  const settings = { HSTS_INCLUDE_SUBDOMAINS: 'on', SECURITY_CONTACT: 'Security <security@example.org>' }
  const other = await startMovieBag({ PUBLIC_URL: 'https://movies.example.org', ...settings })
  t.after(() => other.stop())
  const { status, headers, text } = await other.request('GET', path)
  assert.equal(status, 200)
  assert.equal(headers.get('strict-transport-security'), 'max-age=31536000; includeSubDomains')
  assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8')
  const [contact, expires = '', canonical] = text.split('\r\n')
  assert.equal(contact, 'Contact: mailto:security@example.org')
  assert.equal(canonical, 'Canonical: https://movies.example.org/.well-known/security.txt')
  const days = (Date.parse(expires.replace('Expires: ', '')) - Date.now()) / 86_400_000
  assert(days > 90 && days < 365, `${days} days`)
})
