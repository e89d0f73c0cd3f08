import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Answer, logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { translate } from '../i18n/translate.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const newPassword = 'a new password, and a long one'

/** What a browser says of a form of this site. */
const form = {
  accept: 'text/html,application/xhtml+xml',
  'content-type': 'application/x-www-form-urlencoded',
  'sec-fetch-site': 'same-origin',
}

function post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
  return bag.request('POST', path, new URLSearchParams(fields).toString(), { ...form, ...headers })
}

/** A page: HTML that is never stored, whose URL no other site is told, and that loads from this origin only. */
function assertPage({ status, headers, text }: Answer, expected: number, says: string | RegExp): void {
  assert.equal(status, expected, text)
  assert.equal(headers.get('content-type'), 'text/html; charset=utf-8')
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.match(headers.get('referrer-policy') ?? '', /^(no-referrer|same-origin)$/)
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
  assert.match(text, /^<!doctype html>\n<html lang="en" dir="ltr">/)
  assert.doesNotMatch(text, /(?:src|href|action)="(?:https?:)?\/\//, 'something comes from elsewhere')
  if (typeof says === 'string') assert(text.includes(says), text)
  else assert.match(text, says)
}

async function linkFor(email: string, order = 1): Promise<string> {
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email })).status, 200)
  return bag.smtp.tokenFor(email, order)
}

test('the link in the mail opens a form that sets the password', async () => {
  const ada = await signUp(bag, 'ada')
  const token = await linkFor(ada.email)
  const page = await bag.request('GET', `/reset/${token}`)
  assertPage(page, 200, translate('en', 'page.reset.title'))
  assert.match(page.text, new RegExp(`name="reset_token" value="${token}"`))
  const seen = page.text.replaceAll(/<[^>]*>/g, '')
  assert(seen.includes(`${translate('en', 'page.reset.account')} a•••@example.org`))
  assert(!seen.includes(ada.email), 'the whole address is shown to whoever looks over a shoulder')
  assert.match(page.text, /<input [^>]*autocomplete="username" value="ada@example\.org"[^>]*hidden>/)

  assertPage(
    await post('/reset', { reset_token: token, password: newPassword }),
    200,
    translate('en', 'page.reset-done.title'),
  )
  await logIn(bag, { email: ada.email, password: newPassword })
})

test('a refused password is shown on the form, which stays usable', async () => {
  const grace = await signUp(bag, 'grace')
  const token = await linkFor(grace.email)
  const refused = await post('/reset', { reset_token: token, password: 'short' })
  assertPage(refused, 400, `role="alert">${translate('en', 'page.reason.too-short', { min: 8 })}<`)
  assert(!refused.text.includes('value="short"'))
  assertPage(
    await post('/reset', { reset_token: token, password: newPassword }),
    200,
    translate('en', 'page.reset-done.title'),
  )
})

test('a spent, expired, truncated or made-up link says so before a password is typed', async () => {
  const barbara = await signUp(bag, 'barbara')
  const token = await linkFor(barbara.email)
  await post('/reset', { reset_token: token, password: newPassword })
  assertPage(await bag.request('GET', `/reset/${token}`), 410, translate('en', 'page.reset-spent.title'))
  assertPage(await bag.request('GET', `/reset/${token.slice(1)}`), 404, translate('en', 'page.reset-unknown.title'))
  assertPage(
    await bag.request('GET', '/reset/abcdefghijklmnopqrstuvwxyz'),
    404,
    translate('en', 'page.reset-unknown.title'),
  )

  const second = await linkFor((await signUp(bag, 'edsger')).email)
  await passTime(bag, '24 hours')
  const expired = await bag.request('GET', `/reset/${second}`)
  assertPage(expired, 410, translate('en', 'page.reset-expired.title'))
  assert.doesNotMatch(expired.text, /type="password"/)
})

test('the forgot form sends the mail, and looks the same for an unknown email address', async () => {
  assertPage(await bag.request('GET', '/forgot'), 200, /<form method="post" action="\/forgot" novalidate>/)
  const alan = await signUp(bag, 'alan')
  const [known, unknown] = [
    await post('/forgot', { email: alan.email }),
    await post('/forgot', { email: 'no@example.org' }),
  ]
  assertPage(known, 200, translate('en', 'page.forgot-sent.title'))
  const alike = ({ text }: Answer) => text.replace(/\b\w+@example\.org/, '').replace(/class="code" dir="ltr">\w+/, '')
  assert.equal(alike(known), alike(unknown))
  await bag.smtp.tokenFor(alan.email)
})

test('typed text is shown as text, never as markup', async () => {
  const script = '"><script>alert(1)</script>'
  for (const answer of [
    await post('/forgot', { email: script }),
    await bag.request('GET', `/reset/${encodeURIComponent(script)}`),
  ]) {
    assert(answer.status >= 400)
    assert.doesNotMatch(answer.text, /<script>alert/)
  }
  assertPage(
    await post('/forgot', { email: script }),
    400,
    `role="alert">${translate('en', 'page.reason.not-an-address')}`,
  )
})

test('a form submitted by another site is rejected', async () => {
  const { host } = new URL(bag.url)
  const crossSite = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': '', origin: 'https://eve.example.com' },
    { 'sec-fetch-site': '', origin: `http://${host}.eve.example.com` },
    { 'sec-fetch-site': '', origin: `${host}` },
  ]
  for (const headers of crossSite) {
    for (const path of ['/forgot', '/reset', '/log-in']) {
      const fields = { email: 'ada@example.org', reset_token: 'x', password: newPassword }
      assertPage(await post(path, fields, headers), 400, translate('en', 'page.error.cross-site'))
    }
  }
})

test('over plain http, where browsers do not say which site sent a form, its origin decides', async () => {
  const wrong = { email: 'ada@example.org', password: 'a wrong guess' }
  const sent = (path: string, headers: Record<string, string>, form: Record<string, string> = wrong) =>
    post(path, form, { 'sec-fetch-site': '', ...headers })
  assertPage(await sent('/log-in', { origin: 'null' }), 400, translate('en', 'page.error.cross-site'))
  assert.equal((await sent('/log-in', { origin: bag.url })).status, 401)
  assert.equal((await sent('/log-in', {})).status, 401, 'programs send no origin')
  const dead = await sent('/reset', { origin: 'null' }, { reset_token: 'x', password: newPassword })
  assert.equal(dead.status, 404, 'browsers send this from a page with a token in its URL')
})

test('a form with missing or repeated fields, or of another type, is an error page', async () => {
  for (const path of ['/forgot', '/reset']) {
    for (const body of [
      '',
      'email=a@example.org&email=b@example.org&reset_token=a&reset_token=b',
      '__proto__[email]=x',
    ]) {
      assertPage(await bag.request('POST', path, body, form), 400, translate('en', 'page.error.title'))
    }
    const text = { ...form, 'content-type': 'text/plain' }
    assertPage(await bag.request('POST', path, 'email=x', text), 415, translate('en', 'page.error.title'))
    assertPage(
      await bag.request('POST', path, `email=${'a'.repeat(101_000)}`, form),
      413,
      translate('en', 'page.error.title'),
    )
  }
})

test('password managers find the change-password page, and the style sheet is served', async () => {
  const known = await bag.request('GET', '/.well-known/change-password')
  assert.equal(known.status, 302)
  assert.equal((await bag.request('GET', known.headers.get('location') ?? '')).status, 200)
  const style = await bag.request('GET', '/assets/style.css')
  assert.equal(style.status, 200)
  assert.match(style.headers.get('content-type') ?? '', /^text\/css/)
})
