import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parse } from 'node-html-parser'
import { assertError } from '../../test/contract.ts'
import { signUp, startMovieBag } from '../../test/movie-bag.ts'
import { languages } from '../i18n/languages.ts'
import { translate } from '../i18n/translate.ts'
import { mailTemplates } from '../mail/check-templates.ts'
import { subjectKey } from '../mail/render.ts'

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-previews-'))
mkdirSync(join(folder, 'email'))
const bag = await startMovieBag({ TEMPLATES_DIR: folder })
after(async () => {
  await bag.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('every mail is previewed in every language: subject, text, and HTML in a frame', async () => {
  const kinds = mailTemplates
  const links = parse(await pageAt('/dev/mails')).querySelectorAll('main td a')
  const paths = languages.flatMap((language) => kinds.map((kind) => `/dev/mails/${language}/${kind}`))
  assert.deepEqual(links.map((link) => link.getAttribute('href')).toSorted(), paths.toSorted())
  assert(kinds.length >= languages.length)
  for (const [index, kind] of kinds.entries()) {
    const language = languages[index % languages.length] ?? 'en'
    const path = `/dev/mails/${language}/${kind}`
    const page = parse(await pageAt(path))
    assert.equal(page.querySelector('main .lead')?.text, translate(language, subjectKey(kind)))
    assert(page.querySelector('pre')?.text.startsWith(translate(language, 'mail.greeting')))
    assert.equal(page.querySelector('iframe')?.getAttribute('src'), `${path}/html`)
    const html = await pageAt(`${path}/html`)
    assert.match(html, new RegExp(`<html lang="${language}"`))
    assert(html.includes(translate(language, 'mail.signature.regards')))
  }
})

test('a preview reads like the mail that is sent, except for names, dates and links', async () => {
  const { email } = await signUp(bag, 'ada')
  await bag.request('POST', '/api/auth/forgot', { email })
  const sent = await bag.smtp.mailTo(email)
  const blank = (text = '') => text.replace(/https?:\/\/[^\s"<]+/g, '(a link)').trim()
  assert.equal(blank(parse(await pageAt('/dev/mails/en/reset-password')).querySelector('pre')?.text), blank(sent.text))
  assert.equal(blank(await pageAt('/dev/mails/en/reset-password/html')), blank(sent.html || ''))
})

test('an edited template shows on reload, and its errors are shown', async () => {
  const edit = (text: string) => writeFileSync(join(folder, 'email/no-account.txt'), text)
  edit('Nobody here has {{ email }}. {{ url }}')
  assert.match(await pageAt('/dev/mails/en/no-account'), /Nobody here has ada@example\.org/)
  edit('No one here has {{ email }}. {{ url }}')
  assert.match(await pageAt('/dev/mails/en/no-account'), /No one here has ada@example\.org/)
  edit('No one here has {{ adress }}. {{ url }}')
  const { status, text } = await bag.request('GET', '/dev/mails/en/no-account')
  assert.equal(status, 500)
  assert.match(text, /This template fails: .*undefined variable: adress/)
})

test('the HTML half runs nothing, loads nothing, and is framed only by our own pages', async () => {
  const { headers } = await bag.request('GET', '/dev/mails/en/reset-password/html')
  const policy = headers.get('content-security-policy')
  assert.equal(policy, "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'")
  assert.equal(headers.get('x-frame-options'), 'SAMEORIGIN')
})

test('an unknown mail or language is not found', async () => {
  for (const path of ['en/frame', 'en/button', 'en/..', 'xx/reset-password', 'en/nothing', 'en/nothing/html'])
    assertError(await bag.request('GET', `/dev/mails/${path}`), 'NotFoundError')
})

test('in production there are no previews', async (t) => {
  const production = await startMovieBag({
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://movies.example.org',
    MAIL_DEFAULT_SENDER: 'support@example.org',
  })
  t.after(() => production.stop())
  for (const path of ['/dev/mails', '/dev/mails/en/reset-password', '/dev/mails/en/reset-password/html'])
    assertError(await production.request('GET', path), 'NotFoundError')
})

async function pageAt(path: string): Promise<string> {
  const { status, text } = await bag.request('GET', path, undefined, { accept: 'text/html' })
  assert.equal(status, 200, text)
  return text
}
