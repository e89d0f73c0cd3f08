import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { signUp, startMovieBag } from '../../test/movie-bag.ts'
import type { ReceivedMail } from '../../test/smtp.ts'
import { translate } from '../i18n/translate.ts'

const publicUrl = 'https://movies.example.org'
const bag = await startMovieBag({ PUBLIC_URL: publicUrl })
after(() => bag.stop())

const ada = await signUp(bag, 'ada')
await bag.request('POST', '/api/auth/forgot', { email: ada.email })
const mail = await bag.smtp.mailTo(ada.email)
const link = `${publicUrl}/reset/${await bag.smtp.tokenFor(ada.email)}`
const text = mail.text ?? ''
const html = mail.html || ''

const notMeLink = /^https:\/\/movies\.example\.org\/not-me\/[a-z2-7]{26}$/m.exec(text)?.[0]

test('both halves of the reset mail have the greeting, the link, when to ignore it and the signature', () => {
  for (const half of [text, html]) {
    assert.ok(half.includes(link))
    assert.match(half, /Hello,/)
    assert.match(half, /If you have not requested a password reset simply ignore this message/)
    assert.match(half, /Movie-bag Support Team/)
    assert.match(half, /expires in 24 hours/)
    assert.match(half, /ada@example\.org/)
  }
})

test('the HTML half has the link as a button and as a URL to paste', () => {
  const targets = [...html.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href]) => href)
  assert.deepEqual(targets, [link, link, notMeLink])
  assert.ok(html.includes(`>${link}</a>`))
  assert(html.includes(translate('en', 'mail.paste')))
})

test('the link is alone on its line of the text half, too short for mail programs to break', () => {
  const line = text.split('\n').find((one) => one.includes('/reset/'))
  assert.equal(line, link)
  assert.ok(link.length <= 76, link)
  assert.match(link, /[a-z0-9]$/)
})

test('the link is unbroken in the raw mail, for programs that do not decode it', () => {
  assert.ok(mail.raw.includes(`\r\n${link}\r\n`))
})

test('the mail loads nothing', () => {
  assert.doesNotMatch(html, /<(img|link|script|iframe|object|video|audio|source)\b|\ssrc=|url\(|@import/i)
  const addresses = html.match(/https?:\/\/[^"'\s<>]+/g) ?? []
  assert.deepEqual([...new Set(addresses)], [link, notMeLink])
})

test('every mail follows the RFCs and is marked as automatic', async () => {
  await bag.request('POST', '/api/auth/reset', {
    reset_token: link.split('/').at(-1),
    password: 'another long password',
  })
  const confirmation = await bag.smtp.mailTo(ada.email, 2)
  for (const one of [mail, confirmation]) {
    const withoutPairs = one.raw.replaceAll('\r\n', '')
    assert.doesNotMatch(withoutPairs, /[\r\n]/)
    assert.ok(one.raw.split('\r\n').every((line) => line.length < 998))
    assert.equal(one.headers.get('auto-submitted'), 'auto-generated')
    assert.match(one.messageId ?? '', /^<[0-9a-f-]{36}@movie-bag\.com>$/)
    assert.deepEqual(one.recipients, [ada.email])
    assert.equal(one.from?.text, 'support@movie-bag.com')
    assert.equal(addressOf(one), ada.email)
    assert.ok(one.date)
  }
})

test('the confirmation names time and device in both halves, and neither password nor token', async () => {
  const grace = await signUp(bag, 'grace')
  await bag.request('POST', '/api/auth/forgot', { email: grace.email })
  const token = await bag.smtp.tokenFor(grace.email)
  const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
  const password = 'the new password of grace'
  const body = { reset_token: token, password }
  assert.equal((await bag.request('POST', '/api/auth/reset', body, { 'user-agent': firefox })).status, 200)
  const confirmation = await bag.smtp.mailTo(grace.email, 2)
  assert.equal(confirmation.subject, '[Movie-bag] Password reset successful')
  for (const half of [confirmation.text ?? '', confirmation.html || '']) {
    assert(half.includes(translate('en', 'mail.password-reset-successful.done', { email: grace.email })))
    assert.match(half, /Firefox on Windows/)
    assert.match(half, /When: \w+ \d+, 20\d\d at .+ UTC/)
    assert.match(half, /Movie-bag Support Team/)
    assert.ok(!half.includes(password) && !half.includes(token))
  }
})

test('an email address never becomes markup', async () => {
  const email = "o'hara&sons+<b>@example.org".replace('<b>', 'b')
  const password = 'a long password for o-hara'
  assert.equal((await bag.request('POST', '/api/auth/signup', { email, password })).status, 200)
  await bag.request('POST', '/api/auth/forgot', { email })
  const sent = await bag.smtp.mailTo(email)
  assert.match(sent.html || '', /o&#39;hara&amp;sons\+b@example\.org/)
  assert.ok(sent.text?.includes(email))
})

function addressOf({ to }: ReceivedMail): string | undefined {
  return [to].flat()[0]?.value[0]?.address
}
