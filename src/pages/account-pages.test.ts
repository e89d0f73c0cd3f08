import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setCounters } from '../../test/counters.ts'
import { signUpVerified } from '../../test/mail-links.ts'
import { type Answer, logIn, passwordOf, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { findPath } from '../../test/tour.ts'
import { sql } from '../database/database.ts'
import { translate } from '../i18n/translate.ts'

const bag = await startMovieBag({ PUBLIC_URL: 'https://movies.example.org' })
after(() => bag.stop())
const newPassword = 'a gentle reef of coral'

type Window = { get: (path: string) => Promise<Answer>; post: Post; cookie: () => string }
type Post = (path: string, fields?: Record<string, string>, headers?: Record<string, string>) => Promise<Answer>

/** A browser window: it keeps its cookies, and says what a browser says. */
function openWindow(): Window {
  const cookies = new Map<string, string>()
  const send = async (method: string, path: string, body?: string, more: Record<string, string> = {}) => {
    const answer = await bag.request(method, path, body, {
      accept: 'text/html',
      'sec-fetch-site': 'same-origin',
      cookie: [...cookies].map((pair) => pair.join('=')).join('; '),
      ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...more,
    })
    for (const line of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';', 1)[0]?.split('=') ?? []
      if (value) cookies.set(name, value)
      else cookies.delete(name)
    }
    return answer
  }
  return {
    get: (path) => send('GET', path),
    post: (path, fields = {}, headers) => send('POST', path, new URLSearchParams(fields).toString(), headers),
    cookie: () => cookies.get('__Host-movie_bag') ?? '',
  }
}

async function windowOf(name: string): Promise<Window> {
  const window = openWindow()
  const { status, text } = await window.post('/log-in', { email: `${name}@example.org`, password: passwordOf(name) })
  assert.equal(status, 303, text)
  return window
}

test('signing up logs in, with a cookie that no script, other site or other host can use', async () => {
  const window = openWindow()
  const fields = { email: ' ada@example.org ', password: passwordOf('ada'), next: '/account' }
  const answer = await window.post('/sign-up', fields)
  assert.equal(answer.status, 303)
  assert.equal(answer.headers.get('location'), '/account')
  const line = answer.headers.getSetCookie().find((one) => one.startsWith('__Host-movie_bag=')) ?? ''
  for (const flag of ['HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/']) assert.match(line, new RegExp(`; ${flag}(;|$)`))
  assert.doesNotMatch(line, /domain/i)
  assert.match((await window.get('/account')).text, /ada@example\.org/)
})

test('a taken email address or a wrong password is shown, with the fields except the password kept', async () => {
  const taken = await openWindow().post('/sign-up', { email: 'ADA@example.org', password: newPassword })
  assert.equal(taken.status, 400)
  assert(taken.text.includes(translate('en', 'page.sign-up.taken')))
  const wrong = await openWindow().post('/log-in', { email: 'ada@example.org', password: newPassword })
  assert.equal(wrong.status, 401)
  assert.match(wrong.text, /<title>Error: Log in/)
  assert.match(wrong.text, /value="ada@example\.org"/)
  assert(!wrong.text.includes(newPassword) && !taken.text.includes(newPassword))
})

test('logging in leads to the page asked for, and never to another site', async () => {
  await signUp(bag, 'grace')
  const grace = { email: 'grace@example.org', password: passwordOf('grace') }
  const page = await openWindow().get('/account/password')
  assert.equal(page.status, 303)
  assert.equal(page.headers.get('location'), '/log-in?next=%2Faccount%2Fpassword')
  const goals = {
    '/account?a=b': '/account?a=b',
    'https://eve.example.com/account': '/',
    '//eve.example.com': '/',
    '/\\eve.example.com': '/',
    '/\t/eve.example.com': '/',
    '/.//eve.example.com': '/',
    'javascript:alert(1)': '/',
    '': '/',
  }
  for (const [next, goal] of Object.entries(goals)) {
    const answer = await openWindow().post('/log-in', { ...grace, next })
    assert.equal(answer.headers.get('location'), goal, next)
  }
})

test('logging out ends the session, and another site cannot trigger it', async () => {
  const window = await windowOf('grace')
  const cookie = window.cookie()
  assert.equal((await window.post('/log-out', {}, { 'sec-fetch-site': 'cross-site' })).status, 400)
  assert.equal((await window.get('/account')).status, 200)
  const { status, headers } = await window.post('/log-out')
  assert.deepEqual([status, headers.get('clear-site-data')], [303, '"storage"'])
  assert.equal(window.cookie(), '')
  assert.equal((await bag.request('GET', '/account', undefined, { cookie: `__Host-movie_bag=${cookie}` })).status, 303)
})

test('sessions are listed, and one or all others can be logged out', async () => {
  await signUp(bag, 'barbara')
  const [window, second, third] = [await windowOf('barbara'), await windowOf('barbara'), await windowOf('barbara')]
  const id = /name="id" value="([^"]+)"/.exec((await window.get('/account')).text)?.[1] ?? ''
  assert.equal(
    (await window.post('/account/sessions/end', { id })).headers.get('location'),
    '/account?done=session-ended',
  )
  const left = [second, third].map(async (one) => (await one.get('/account')).status)
  assert.deepEqual((await Promise.all(left)).toSorted(), [200, 303])
  await window.post('/account/sessions/end-others')
  assert.deepEqual([(await second.get('/account')).status, (await third.get('/account')).status], [303, 303])
  assert(
    (await window.get('/account?done=other-sessions-ended')).text.includes(
      translate('en', 'page.account.other-sessions-ended'),
    ),
  )
})

test('an account cannot end another account’s session', async () => {
  const [grace, barbara] = [await windowOf('grace'), await windowOf('barbara')]
  await windowOf('barbara')
  const id = /name="id" value="([^"]+)"/.exec((await barbara.get('/account')).text)?.[1] ?? ''
  assert.equal((await grace.post('/account/sessions/end', { id })).status, 404)
  assert((await barbara.get('/account')).text.includes(id))
})

test('changing the password takes the current one, and mistakes are shown at their field', async () => {
  const { email } = await signUp(bag, 'edsger')
  const window = await windowOf('edsger')
  const wrong = await window.post('/account/password', { current_password: 'no', new_password: newPassword })
  assert.equal(wrong.status, 401)
  assert(wrong.text.includes(`id="current_password-error" role="alert">${translate('en', 'page.form.wrong-password')}`))
  const weak = await window.post('/account/password', { current_password: passwordOf('edsger'), new_password: email })
  assert(weak.text.includes(`id="new_password-error" role="alert">${translate('en', 'page.reason.is-the-address')}`))
  const fields = { current_password: passwordOf('edsger'), new_password: newPassword }
  assert.equal((await window.post('/account/password', fields)).status, 303)
  assert.equal((await window.get('/account')).status, 200)
  await logIn(bag, { email, password: newPassword })
})

test('the email address changes once the new one is confirmed, and the old one can undo it', async () => {
  await signUpVerified(bag, 'alan')
  const window = await windowOf('alan')
  const fields = { email: 'turing@example.org', password: passwordOf('alan') }
  assert.equal((await window.post('/account/address', { ...fields, password: 'no' })).status, 401)
  assert.equal((await window.post('/account/address', fields)).status, 303)
  assert(
    (await window.get('/account')).text.includes(
      translate('en', 'page.account.pending', { email: 'turing@example.org' }),
    ),
  )
  await press(
    window,
    findPath(await bag.smtp.mailTo('turing@example.org'), '/confirm-address/'),
    translate('en', 'page.confirm-email.thanks'),
  )
  assert.match((await window.get('/account')).text, /turing@example\.org/)
  const undo = findPath(await bag.smtp.mailTo('alan@example.org'), '/undo-address/')
  await press(openWindow(), undo, translate('en', 'page.undo-email-change.thanks'))
  assert.equal((await window.get('/account')).status, 303)
})

test('an email address is verified, and the mail for it is sent again on request', async () => {
  const { email } = await signUp(bag, 'radia')
  const window = await windowOf('radia')
  assert((await window.get('/account')).text.includes(translate('en', 'page.account.unverified')))
  assert.equal((await window.post('/account/verify-mail')).status, 303)
  await press(
    window,
    findPath(await bag.smtp.verificationTo(email), '/verify/'),
    translate('en', 'page.verify-email.done'),
  )
  assert(!(await window.get('/account')).text.includes(translate('en', 'page.account.unverified')))
})

test('the account activity has words for every event', async () => {
  const page = await (await windowOf('grace')).get('/account/history')
  for (const event of ['signed up', 'logged in', 'logged out'] as const) {
    assert(page.text.includes(translate('en', `page.account-history.${event}`)), event)
  }
})

test('all data of an account can be downloaded as a file', async () => {
  const answer = await (await windowOf('grace')).get('/account/export')
  assert.match(answer.headers.get('content-disposition') ?? '', /^attachment/)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.equal(answer.body.account.email, 'grace@example.org')
})

test('deleting an account takes its password, and its movies stay or go', async () => {
  for (const [name, movies] of [
    ['niklaus', 'keep'],
    ['tony', 'delete'],
  ] as const) {
    const session = await logIn(bag, await signUp(bag, name))
    const movie = { name: `The movie of ${name}`, casts: ['Ada'], genres: ['Drama'] }
    const { body } = await bag.request('POST', '/api/movies', movie, session)
    const window = await windowOf(name)
    assert.equal((await window.post('/account/delete', { movies, password: 'no' })).status, 401)
    const done = await window.post('/account/delete', { movies, password: passwordOf(name) })
    assert(done.text.includes(translate('en', 'page.account-deleted.now')))
    assert.equal(window.cookie(), '')
    assert.equal((await bag.request('GET', `/api/movies/${body.id}`)).status, movies === 'keep' ? 200 : 400)
  }
})

test('errors are pages for browsers and JSON for programs, with the time to wait if there is one', async () => {
  const window = openWindow()
  const missing = await window.get('/no/such/page')
  assert.equal(missing.status, 404)
  assert(missing.text.includes(`<h1>${translate('en', 'page.error-404.title')}</h1>`))
  const method = await window.get('/log-out')
  assert.equal(method.status, 405)
  assert.equal(method.headers.get('allow'), 'POST')
  assert(method.text.includes(`<h1>${translate('en', 'page.error-405.title')}</h1>`))
  assert.equal((await window.get('/api/no-such')).body.code, 'NotFoundError')
  assert.equal((await bag.request('GET', '/no/such/page')).body.code, 'NotFoundError')
})

test('an error page has the usual style and needs no database', async () => {
  const window = await windowOf('grace')
  await bag.db.query(sql`alter table sessions rename to lost`)
  try {
    const broken = await window.get('/account')
    assert.equal(broken.status, 500)
    assert(broken.text.includes(`<h1>${translate('en', 'page.error-500.title')}</h1>`))
    assert(broken.text.includes(broken.headers.get('x-request-id') ?? 'none'))
    assert.equal((await window.get('/assets/style.css')).status, 200)
  } finally {
    await bag.db.query(sql`alter table lost rename to sessions`)
  }
  assert.equal((await window.get('/account')).status, 200)
})

test('forms with a password say how long to wait after too many wrong ones, and keep their fields', async () => {
  const stranger = openWindow()
  const guess = { email: 'nobody@example.org', password: newPassword }
  for (let failures = 0; failures < 15; failures += 1) {
    await stranger.post('/log-in', guess)
    await passTime(bag, '5 seconds')
  }
  const early = await stranger.post('/log-in', guess)
  assert.equal(early.status, 429)
  assert.match(early.headers.get('retry-after') ?? '', /^5\d$/)
  assert.match(early.text, /Too many wrong passwords\. Try again in 5\d seconds\./)
  assert.match(early.text, /value="nobody@example\.org"/)

  await signUp(bag, 'dorothy')
  const owner = await windowOf('dorothy')
  const change = { current_password: 'a wrong guess', new_password: newPassword }
  for (let failures = 0; failures < 10; failures += 1) await owner.post('/account/password', change)
  const confirmations: [string, Record<string, string>][] = [
    ['/account/password', change],
    ['/account/address', { email: 'dot@example.org', password: 'a wrong guess' }],
    ['/account/delete', { password: 'a wrong guess', movies: 'keep' }],
  ]
  for (const [path, fields] of confirmations) {
    const { status, text } = await owner.post(path, fields)
    assert.equal(status, 429, path)
    assert.match(text, /Too many wrong passwords\. Try again in \d seconds?\./)
    assert(text.includes(`action="${path}"`), path)
  }
})

test('a rate-limited form says how long to wait', async () => {
  const strict = await startMovieBag({ RATE_LIMITS: 'on' })
  try {
    const headers = { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' }
    const ask = () => strict.request('POST', '/forgot', 'email=nobody', headers)
    await ask()
    await setCounters(strict, 'forgot-password', 1000)
    await passTime(strict, '490 seconds')
    const refused = await ask()
    assert.equal(refused.status, 429)
    assert(refused.headers.get('retry-after'))
    assert.match(refused.text, /Try again in 2 minutes\./)
  } finally {
    await strict.stop()
  }
})

async function press(window: Window, path: string, says: string): Promise<void> {
  assert.equal((await window.get(path)).status, 200)
  const [, start = '', token = ''] = path.split('/')
  assert((await window.post(`/${start}`, { token })).text.includes(says))
}
