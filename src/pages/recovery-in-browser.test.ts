import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { remoteHost, startBrowser } from '../../test/browser.ts'
import { logIn, passwordOf, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { findPath } from '../../test/tour.ts'
import { translate } from '../i18n/translate.ts'

const bag = await startMovieBag()
const browser = await startBrowser()
after(async () => {
  await browser.close()
  await bag.stop()
})
const newPassword = 'a gentle reef of coral'

test('by mouse: sign up, log out, ask for a reset, open the mail, set a password', async () => {
  const page = await newPage()
  await page.goto('/sign-up?next=/account')
  await page.fill('#email', 'ada@example.org')
  await page.fill('#password', passwordOf('ada'))
  await page.click('main button[type=submit]')
  await page.waitForURL('**/account')
  await page.click('text=Log out')
  await page.waitForURL((url) => url.pathname !== '/account')
  await page.goto('/log-in?next=/account')
  await page.fill('#email', 'ada@example.org')
  await page.click('text=Forgot your password?')
  await page.waitForURL('**/forgot')
  assert.equal(await page.inputValue('#email'), 'ada@example.org', 'the address has to be typed twice')
  await page.click('text=Send me the link')
  await page.waitForSelector(`h1:text("${translate('en', 'page.forgot-sent.title')}")`)
  await page.goto(findPath(await bag.smtp.mailTo('ada@example.org'), '/reset/'))
  assert.match(await textOf(page, 'main'), /a•••@example\.org/)
  await page.fill('#password', newPassword)
  await page.click('main button[type=submit]')
  await page.waitForSelector(`h1:text("${translate('en', 'page.reset-done.title')}")`)
  await page.click('main a:text("Log in")')
  await logInWith(page, 'ada@example.org', newPassword)
  await page.goto('/account')
  assert.match(await textOf(page, 'main'), /ada@example\.org/)
  await page.context().close()
})

test('over plain http from another machine every form works, and the browser becomes known', async () => {
  const { email, password } = await signUp(bag, 'mary')
  const page = await newPage({ baseURL: `http://${remoteHost}:${new URL(bag.url).port}` })
  await page.goto('/log-in?next=/account')
  await logInWith(page, email, password)
  await page.waitForURL('**/account')
  const cookies = await page.context().cookies()
  assert.deepEqual(cookies.map(({ name }) => name).toSorted(), ['movie_bag', 'movie_bag_browser'])
  await page.goto('/forgot')
  await page.fill('#email', email)
  await page.click('main button[type=submit]')
  await page.waitForSelector(`h1:text("${translate('en', 'page.forgot-sent.title')}")`)
  await page.goto(findPath(await bag.smtp.mailTo(email), '/reset/'))
  await page.fill('#password', newPassword)
  await page.click('main button[type=submit]')
  await page.waitForSelector(`h1:text("${translate('en', 'page.reset-done.title')}")`)
  await page.context().close()
})

test('by keyboard: the field to fill in has the focus, so does the first mistake, and Enter submits', async () => {
  const { email } = await signUp(bag, 'grace')
  const page = await newPage()
  const type = (text: string) => page.keyboard.type(text)
  const enter = async () => {
    const loaded = page.waitForEvent('load')
    await page.keyboard.press('Enter')
    await loaded
  }
  await page.goto('/forgot')
  await focusOn(page, 'email')
  await type('grace at example')
  await enter()
  await focusOn(page, 'email')
  assert((await description(page)).includes(translate('en', 'page.reason.not-an-address')))
  await page.keyboard.press('Control+A')
  await type(email)
  await enter()
  await page.goto(findPath(await bag.smtp.mailTo(email), '/reset/'))
  await focusOn(page, 'password')
  await type('password')
  await enter()
  await focusOn(page, 'password')
  assert((await description(page)).includes(translate('en', 'page.reason.too-common')))
  await type(newPassword)
  await enter()
  await page.keyboard.press('Tab')
  assert.equal(await textOf(page, ':focus'), translate('en', 'page.frame.skip'))
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  assert.match(await textOf(page, ':focus'), /Log in/)
  await enter()
  await focusOn(page, 'email')
  await type(email)
  await page.keyboard.press('Tab')
  await type(newPassword)
  await enter()
  await page.goto('/account')
  assert.match(await textOf(page, 'main'), /grace@example\.org/)
  await page.context().close()
})

test('without JavaScript and without cookies', async () => {
  const { email } = await signUp(bag, 'barbara')
  const page = await newPage({ javaScriptEnabled: false })
  await page.context().route('**', async (route) => {
    const { cookie: _, ...headers } = await route.request().allHeaders()
    await route.continue({ headers })
  })
  await page.goto('/forgot')
  await page.fill('#email', email)
  await page.click('text=Send me the link')
  await page.goto(findPath(await bag.smtp.mailTo(email), '/reset/'))
  await page.waitForSelector('#password')
  assert.equal(await page.locator('button:visible').count(), 1, 'a button is shown that needs a script')
  await page.fill('#password', newPassword)
  await page.click('main button[type=submit]')
  await page.waitForSelector(`h1:text("${translate('en', 'page.reset-done.title')}")`)
  await page.context().close()
  await logIn(bag, { email, password: newPassword })
})

test('a password can be shown, rated and pasted, and is never sent as plain text', async () => {
  const page = await newPage()
  await page.goto('/sign-up')
  const paste = `document.activeElement.dispatchEvent(new ClipboardEvent('paste', { cancelable: true }))`
  await page.focus('#password')
  assert.equal(await page.evaluate(paste), true, 'pasting is prevented')
  await page.fill('#password', '1234')
  assert.match(await textOf(page, '.strength'), /Too short/)
  await page.fill('#password', 'aaaaaaaaaaaaaaaaaaaa')
  assert.match(await textOf(page, '.strength'), /Weak/)
  await page.fill('#password', newPassword)
  assert.match(await textOf(page, '.strength'), /Strong/)
  await page.click('text=Show')
  assert.equal(await page.getAttribute('#password', 'type'), 'text')
  await page.click('main button[type=submit]')
  await page.waitForSelector('#email[aria-invalid=true]')
  assert.equal(await page.inputValue('#password'), '')
  await page.context().close()
})

test('a user logged in to another account can use the link and stays logged in', async () => {
  const [edsger, alan] = [await signUp(bag, 'edsger'), await signUp(bag, 'alan')]
  const page = await newPage()
  await page.goto('/log-in?next=/account')
  await logInWith(page, alan.email, alan.password)
  await bag.request('POST', '/api/auth/forgot', { email: edsger.email })
  await page.goto(`/reset/${await bag.smtp.tokenFor(edsger.email)}`)
  await page.fill('#password', newPassword)
  await page.click('main button[type=submit]')
  await page.waitForSelector(`h1:text("${translate('en', 'page.reset-done.title')}")`)
  await page.goto('/account')
  assert.match(await textOf(page, 'main'), /alan@example\.org/)

  await bag.request('POST', '/api/auth/forgot', { email: alan.email })
  await page.goto(`/reset/${await bag.smtp.tokenFor(alan.email)}`)
  await page.fill('#password', newPassword)
  await page.click('main button[type=submit]')
  await page.waitForSelector('nav >> text=Sign up')
  assert.deepEqual(
    (await page.context().cookies()).map(({ name }) => name),
    ['movie_bag_browser'],
  )
  await page.context().close()
})

test('a mail scanner that runs scripts and opens every link leaves the links usable', async () => {
  const { email } = await signUp(bag, 'radia')
  await bag.request('POST', '/api/auth/forgot', { email })
  const mail = await bag.smtp.mailTo(email)
  const verification = await bag.smtp.verificationTo(email)
  const page = await newPage()
  const starts = [findPath(mail, '/reset/'), findPath(mail, '/not-me/'), findPath(verification, '/verify/')]
  for (const start of starts) {
    await page.goto(start)
    const links: string[] = await page.$$eval('a[href]', (all) => all.map((one) => one.getAttribute('href') ?? ''))
    for (const link of links) await page.goto(link)
    await page.request.head(start)
  }
  await page.context().close()
  const reset_token = starts[0]?.split('/').at(-1)
  const verified = await bag.request('POST', '/api/auth/verify', { token: starts[2]?.split('/').at(-1) })
  assert.equal(verified.status, 200, verified.text)
  const reset = await bag.request('POST', '/api/auth/reset', { reset_token, password: newPassword })
  assert.equal(reset.status, 200, reset.text)
})

async function newPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ baseURL: bag.url, ...options })
  return context.newPage()
}

async function logInWith(page: Page, email: string, password: string): Promise<void> {
  await page.fill('#email', email)
  await page.fill('#password', password)
  await page.click('main button:text("Log in")')
  await page.waitForSelector('text=Log out')
}

async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.textContent(selector)) ?? ''
}

/** A browser moves the focus a moment after a page has loaded. */
async function focusOn(page: Page, id: string): Promise<void> {
  await page.waitForSelector(`#${id}:focus`)
}

/** What a screen reader says of the field with the focus. */
function description(page: Page): Promise<string> {
  return page.evaluate(
    `document.activeElement.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).innerText).join(' ')`,
  )
}
