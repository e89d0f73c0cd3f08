import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { logIn, passwordOf, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { findPath } from '../../test/tour.ts'
import { sql } from '../database/database.ts'
import { translate } from '../i18n/translate.ts'

const bag = await startMovieBag()
const german = await startMovieBag({ DEFAULT_LOCALE: 'de' })
after(async () => {
  await bag.stop()
  await german.stop()
})

const mexican = { 'accept-language': 'es-MX,es;q=0.9,en;q=0.5' }
const arabic = { 'accept-language': 'ar-EG' }
const form = { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' }

test('a recovery in Spanish stays Spanish in the mail and on the page of its link', async () => {
  const { email } = await signUp(bag, 'ada')
  const asked = await bag.request('POST', '/forgot', `email=${email}`, { ...form, ...mexican })
  assert.match(asked.text, /<html lang="es" dir="ltr">/)
  assert(asked.text.includes(translate('es', 'page.forgot-sent.title')))
  const mail = await bag.smtp.mailTo(email)
  assert.equal(mail.subject, translate('es', 'mail.reset-password.subject'))
  assert.match(mail.text ?? '', /24 horas/)
  assert.match(mail.html || '', /<html lang="es" dir="ltr">/)

  const path = findPath(mail, '/reset/')
  const page = await bag.request('GET', path, undefined, mexican)
  assert(page.text.includes(translate('es', 'page.form.password-rule', { length: 8 })))
  const fields = new URLSearchParams({ reset_token: path.slice('/reset/'.length), password: 'un arrecife tranquilo' })
  await bag.request('POST', '/reset', fields.toString(), { ...form, ...mexican })
  assert.equal((await bag.smtp.mailTo(email, 2)).subject, translate('es', 'mail.password-reset-successful.subject'))
})

test('an account keeps its language in its pages and in mails that another browser causes', async () => {
  const fields = new URLSearchParams({ email: 'grace@example.org', password: passwordOf('grace') })
  const signedUp = await bag.request('POST', '/sign-up', fields.toString(), { ...form, 'accept-language': 'de-AT' })
  const cookie = signedUp.headers.getSetCookie().map((one) => one.split(';')[0])
  const welcome = await bag.smtp.mailTo('grace@example.org')
  assert.equal(welcome.subject, translate('de', 'mail.verify-address.subject'))
  await bag.request('POST', '/api/auth/forgot', { email: 'grace@example.org' }, arabic)
  const mail = await bag.smtp.mailTo('grace@example.org', 2)
  assert.equal(mail.subject, translate('de', 'mail.reset-password.subject'))
  assert.match(mail.html || '', /<html lang="de" dir="ltr">/)
  const page = await bag.request('GET', '/account', undefined, { ...arabic, cookie: cookie.join('; ') })
  assert.equal(page.headers.get('content-language'), 'de')
})

test('a page names its language and varies with the browser’s', async () => {
  const page = await bag.request('GET', '/log-in', undefined, arabic)
  assert.match(page.text, /<html lang="ar" dir="rtl">/)
  assert.equal(page.headers.get('content-language'), 'ar')
  assert.match(page.headers.get('vary') ?? '', /accept-language/i)
  assert.match((await bag.request('GET', '/', undefined, arabic)).headers.get('vary') ?? '', /accept-language/i)
  for (const accepted of [
    'pt',
    'pt, en;q=0.1',
    '*',
    'es;q=0, *',
    'no such header, really; q=x',
    `${'xx,'.repeat(5000)}es`,
    '',
  ]) {
    const other = await bag.request('GET', '/log-in', undefined, { 'accept-language': accepted })
    assert.equal(other.headers.get('content-language'), 'en', accepted)
  }
})

test('an email address keeps its order in an Arabic sentence', async () => {
  const { email } = await signUp(bag, '12monkeys')
  const asked = await bag.request('POST', '/forgot', `email=${email}`, { ...form, ...arabic })
  assert(asked.text.includes(`\u2068${email}\u2069`), asked.text)
  const { text, html } = await bag.smtp.mailTo(email)
  for (const half of [text, html]) assert((half || '').includes(`\u2068${email}\u2069`))
})

test('the language is changed on the account page or through the API', async () => {
  const { email } = await signUp(bag, 'alan')
  const session = await logIn(bag, { email, password: passwordOf('alan') })
  const language = async () => (await bag.request('GET', '/api/auth/account', undefined, session)).body.language
  assert.equal(await language(), null)
  const fields = new URLSearchParams({ email, password: passwordOf('alan') })
  const entered = await bag.request('POST', '/log-in', fields.toString(), form)
  const cookie = entered.headers.getSetCookie().map((one) => one.split(';')[0])
  const own = { ...form, cookie: cookie.join('; ') }

  await bag.request('POST', '/account/language', 'language=ar', own)
  assert.equal(await language(), 'ar')
  const page = await bag.request('GET', '/account?done=language-changed', undefined, own)
  assert.match(page.text, /<option value="ar" lang="ar" dir="rtl" selected>العربية<\/option>/)

  assert.equal((await bag.request('PUT', '/api/auth/language', { language: 'fr' }, session)).status, 200)
  assert.equal((await bag.request('GET', '/account', undefined, own)).headers.get('content-language'), 'fr')
  assert.equal((await bag.request('PUT', '/api/auth/language', { language: 'xx' }, session)).status, 400)
  assert.equal((await bag.request('POST', '/account/language', 'language=', own)).status, 303)
  assert.equal(await language(), null)
})

test('for a week after a change of language, warnings and reset mails keep the language before', async () => {
  const lise = { email: 'lise@example.org', password: passwordOf('lise') }
  const { body } = await bag.request('POST', '/api/auth/signup', lise, { 'accept-language': 'de' })
  const thief = await logIn(bag, lise)
  for (const language of ['ne', 'ar']) {
    assert.equal((await bag.request('PUT', '/api/auth/language', { language }, thief)).status, 200)
    await passTime(bag, '3 days', body)
  }
  await changePassword(thief, lise.password, 'one that lise does not know')
  assert.equal((await bag.smtp.mailTo(lise.email, 2)).subject, translate('de', 'mail.password-changed.subject'))
  await bag.request('POST', '/api/auth/forgot', { email: lise.email }, arabic)
  assert.equal((await bag.smtp.mailTo(lise.email, 3)).subject, translate('de', 'mail.reset-password.subject'))
  await passTime(bag, '4 days', body)
  const session = await logIn(bag, { ...lise, password: 'one that lise does not know' })
  await changePassword(session, 'one that lise does not know', lise.password)
  assert.equal((await bag.smtp.mailTo(lise.email, 4)).subject, translate('ar', 'mail.password-changed.subject'))
})

test('a change of language is in the history, once', async () => {
  const session = await logIn(bag, await signUp(bag, 'emmy'))
  for (const language of ['fr', 'fr']) await bag.request('PUT', '/api/auth/language', { language }, session)
  const { body } = await bag.request('GET', '/api/auth/history', undefined, session)
  assert.equal(body.filter(({ event }: { event: string }) => event === 'language changed').length, 1)
})

test('whoever changes the password does not choose the language of the warning', async () => {
  const maria = await signUp(bag, 'maria')
  await changePassword({ ...(await logIn(bag, maria)), ...arabic }, maria.password, 'one that maria does not know')
  assert.equal((await bag.smtp.mailTo(maria.email)).subject, translate('en', 'mail.password-changed.subject'))
})

test('a request without a language gets the default one', async () => {
  const page = await german.request('GET', '/forgot')
  assert.equal(page.headers.get('content-language'), 'de')
  const { email } = await signUp(german, 'ada')
  await german.request('POST', '/api/auth/forgot', { email })
  assert.match((await german.smtp.mailTo(email)).html || '', /<html lang="de" dir="ltr">/)
})

test('a language without a locale is ignored', async () => {
  const { email } = await signUp(bag, 'zoe')
  await bag.db.query(sql`update accounts set locale = 'tlh' where email = ${email}`)
  await bag.request('POST', '/api/auth/forgot', { email }, mexican)
  assert.match((await bag.smtp.mailTo(email)).html || '', /<html lang="es" dir="ltr">/)
})

test('form errors are translated, with their numbers', async () => {
  const spanish = { ...form, ...mexican }
  const weak = await bag.request('POST', '/sign-up', 'email=eve@example.org&password=short', spanish)
  assert(weak.text.includes(translate('es', 'page.reason.too-short', { min: 8 })), weak.text)
  const common = await bag.request('POST', '/sign-up', 'email=eve@example.org&password=password', spanish)
  assert(common.text.includes(translate('es', 'page.reason.too-common')), common.text)
  const address = await bag.request('POST', '/forgot', 'email=eve', spanish)
  assert(address.text.includes(translate('es', 'page.reason.not-an-address')), address.text)
  const missing = await bag.request('POST', '/forgot', 'e=eve', spanish)
  assert.match(missing.text, new RegExp(`<code dir="ltr">email</code>: ${translate('es', 'page.reason.missing')}`))
  const elsewhere = await bag.request('POST', '/forgot', 'email=eve', { ...spanish, 'sec-fetch-site': 'cross-site' })
  assert(elsewhere.text.includes(translate('es', 'page.error.cross-site')), elsewhere.text)
})

async function changePassword(headers: Record<string, string>, current: string, wanted: string): Promise<void> {
  const body = { current_password: current, new_password: wanted }
  const answer = await bag.request('PUT', '/api/auth/password', body, headers)
  assert.equal(answer.status, 200, answer.text)
}
