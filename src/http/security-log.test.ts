import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { document, rowsUnder } from '../../test/documents.ts'
import { mailedToken } from '../../test/mail-links.ts'
import { type Answer, bearer, logged, logIn, type MovieBag, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { type Rejection, rejections } from './security-log.ts'

const bag = await startMovieBag({ PUBLIC_URL: 'http://127.0.0.1', TRUST_PROXY: 'on', SIGN_UP: 'open' })
const limited = await startMovieBag({ RATE_LIMITS: 'on', SIGN_UP: 'closed' })
after(() => Promise.all([bag.stop(), limited.stop()]))

const ip = '203.0.113.9'
const from = { 'x-forwarded-for': ip }

test('what is done with an account is logged with the account, the IP address, the route and the request', async () => {
  const ada = await signUp(bag, 'ada')
  const login = await send('POST', '/api/auth/login', { email: ada.email, password: ada.password })
  assert.deepEqual(last('logged-in'), {
    event: 'logged-in',
    accountId: ada.id,
    ip,
    route: 'POST /api/auth/login',
    reqId: login.headers.get('x-request-id'),
  })
  await send('POST', '/api/auth/forgot', { email: ada.email })
  const password = 'a new password for ada'
  await send('POST', '/api/auth/reset', { reset_token: await mailedToken(bag, 'reset', ada.email), password })
  assert.equal(last('password-reset').accountId, ada.id)
})

test('what is rolled back is not logged', async () => {
  const grace = await signUp(bag, 'grace')
  await bag.request('POST', '/api/auth/signup', { email: grace.email, password: grace.password })
  assert.equal(logged(bag, 'signed-up').filter(({ accountId }) => accountId === grace.id).length, 1)
})

test('rejected attempts are logged with the account that they were aimed at', async () => {
  const alan = await signUp(bag, 'alan')
  const session = await logIn(bag, alan)
  const wrong = { email: alan.email, password: 'a wrong guess' }
  const attempts: [Rejection, string | undefined, () => Promise<Answer>][] = [
    ['login-failed', alan.id, () => send('POST', '/api/auth/login', wrong)],
    ['login-failed', alan.id, () => postForm('/log-in', wrong)],
    ['login-failed', undefined, () => send('POST', '/api/auth/login', { ...wrong, email: 'nobody@example.org' })],
    [
      'password-confirmation-failed',
      alan.id,
      () => send('DELETE', '/api/auth/account', { password: 'no', movies: 'keep' }, session),
    ],
    ['session-rejected', undefined, () => send('GET', '/api/auth/account', undefined, bearer('forged'))],
    ['link-rejected', undefined, () => send('POST', '/api/auth/reset', { reset_token: 'forged', password: 'new one' })],
    ['link-rejected', undefined, () => postForm('/reset', { reset_token: 'forged', password: 'new one' })],
    ['access-denied', alan.id, async () => send('DELETE', `/api/movies/${await movieOfEve()}`, undefined, session)],
    ['cross-site-form-rejected', undefined, () => postForm('/log-in', wrong, { origin: 'https://evil.example' })],
  ]
  for (const [event, accountId, attempt] of attempts) {
    const before = logged(bag, event).length
    const { headers } = await attempt()
    assert.equal(logged(bag, event).length, before + 1, event)
    const { route: _, ...entry } = last(event)
    assert.deepEqual(entry, { event, ...(accountId && { accountId }), ip, reqId: headers.get('x-request-id') }, event)
  }
})

test('a limit that is reached is logged, and so is a closed sign-up', async () => {
  await limited.request('POST', '/api/auth/signup', { email: 'eve@example.org', password: 'a password of eve' })
  assert.equal(logged(limited, 'access-denied').length, 1)
  for (let times = 0; times < 61; times += 1) {
    await limited.request('POST', '/api/auth/forgot', { email: 'eve@example.org' })
  }
  assert.equal(logged(limited, 'limit-reached').length, 1)
})

test('no line of the log has an email address, a password or a token', () => {
  const lines = [...bag.log, ...limited.log].join('\n')
  assert.ok(lines.includes('login-failed'))
  assert.doesNotMatch(lines, /@example\.org|wrong guess|password for|eyJ/)
})

test('the documented events are the ones that are logged', () => {
  const documented = rowsUnder(document('docs/operating.md'), 'Security events').map(([event]) => event)
  assert.deepEqual(documented, [...rejections])
})

function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return bag.request(method, path, body, { ...from, ...headers })
}

function postForm(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  return bag.request('POST', path, String(new URLSearchParams(fields)), { ...from, ...type, ...headers })
}

let eves = 0

/** Returns the id of a movie that Eve added. */
async function movieOfEve(): Promise<string> {
  eves += 1
  const session = await logIn(bag, await signUp(bag, `eve-${eves}`))
  const movie = { name: `Metropolis ${eves}`, casts: ['Brigitte Helm'], genres: ['Drama'] }
  return (await bag.request('POST', '/api/movies', movie, session)).body.id
}

/** Returns the newest line of an event, without what every line has. */
function last(event: string, { log } = bag as Pick<MovieBag, 'log'>) {
  const { level: _, time: __, pid: ___, hostname: ____, msg: _____, ...entry } = logged({ log }, event).at(-1) ?? {}
  return entry
}
