import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logged, logIn, type MovieBag, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { translate } from '../i18n/translate.ts'

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-breached-'))
after(() => rmSync(folder, { recursive: true }))

const known = 'a reef below the bay'
let people = 0

test('passwords of a file are refused at sign-up, change and reset, wherever in the file they are', async (t) => {
  const others = Array.from({ length: 999 }, (_, n) => `somebody’s password ${n}`)
  const passwords = [known, ...others]
  const file = join(folder, 'breached.txt')
  const lines = passwords.map((password, n) => `${sha1(password)}:${n + 1}`).sort()
  writeFileSync(file, lines.join('\r\n').concat('\r\n'))
  const bag = await start(t, file)
  for (const line of [lines[0], lines[1], lines[500], lines[998], lines[999]]) {
    const password = passwords.find((candidate) => line?.startsWith(sha1(candidate))) ?? ''
    await isRefused(bag, password)
  }

  const ada = await signUp(bag, 'ada')
  const session = await logIn(bag, ada)
  const change = { current_password: ada.password, new_password: known }
  assertError(await bag.request('PUT', '/api/auth/password', change, session), 'SchemaValidationError', [
    'new_password',
  ])
  await bag.request('POST', '/api/auth/forgot', { email: ada.email })
  const reset_token = await bag.smtp.tokenFor(ada.email)
  const reset = await bag.request('POST', '/api/auth/reset', { reset_token, password: known })
  assertError(reset, 'SchemaValidationError', ['password'])
  const form = new URLSearchParams({ reset_token, password: known }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' }
  const page = await bag.request('POST', '/reset', form, headers)
  assert(page.text.includes(translate('en', 'page.reason.breached')))
  assert.equal((await bag.request('POST', '/api/auth/reset', { reset_token, password: `${known}!` })).status, 200)
})

test('a file may have one line, no counts and lower case', async (t) => {
  const file = join(folder, 'one.txt')
  writeFileSync(file, `${sha1(known).toLowerCase()}\n`)
  const bag = await start(t, file)
  await isRefused(bag, known)
  await isAccepted(bag, `${known}?`)
})

test('a service sees five digits of the hash, and its padding does not count', async (t) => {
  const paths: string[] = []
  const padded = 'a password that is only padding'
  const { url } = await startService(t, ({ url: path = '' }, response) => {
    paths.push(path)
    response.end([`${sha1(known).slice(5)}:3`, `${sha1(padded).slice(5)}:0`].join('\r\n'))
  })
  const bag = await start(t, `${url}/range/`)
  await isRefused(bag, known)
  await isAccepted(bag, padded)
  assert.deepEqual(paths, [`/range/${sha1(known).slice(0, 5)}`, `/range/${sha1(padded).slice(0, 5)}`])
})

test('while the service is silent, broken or gone, passwords are accepted, and the log says so', async (t) => {
  let respond: RequestListener = () => {}
  const { url, stop } = await startService(t, (request, response) => respond(request, response))
  const bag = await start(t, `${url}/range/`)
  const unavailable = () => logged(bag, 'breached-passwords-unavailable').length
  await isAccepted(bag, known)
  assert.equal(unavailable(), 1)
  respond = (_request, response) => response.writeHead(503).end('try later')
  await isAccepted(bag, known)
  assert.equal(unavailable(), 2)
  await stop()
  await isAccepted(bag, known)
  assert.equal(unavailable(), 3)
  assert(!bag.log.join().includes(sha1(known).slice(5)))
})

test('a password that is refused for another reason is not looked up', async (t) => {
  let requests = 0
  const { url } = await startService(t, (_request, response) => {
    requests += 1
    response.end()
  })
  const bag = await start(t, `${url}/`)
  for (const password of ['short', 'password1', 'x'.repeat(300)]) await isRefused(bag, password, /8|256|common/)
  assert.equal(requests, 0)
})

function sha1(password: string): string {
  return createHash('sha1').update(password).digest('hex').toUpperCase()
}

async function start(t: TestContext, source: string): Promise<MovieBag> {
  const bag = await startMovieBag({ BREACHED_PASSWORDS: source })
  t.after(() => bag.stop())
  return bag
}

async function startService(t: TestContext, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  t.after(stop)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

async function isRefused(bag: MovieBag, password: string, detail = /^is known from a data breach/): Promise<void> {
  const answer = await bag.request('POST', '/api/auth/signup', { email: 'eve@example.org', password })
  assertError(answer, 'SchemaValidationError', ['password'])
  assert.match(answer.body.errors[0].detail, detail)
}

async function isAccepted(bag: MovieBag, password: string): Promise<void> {
  people += 1
  await signUp(bag, `somebody-${people}`, password)
}
