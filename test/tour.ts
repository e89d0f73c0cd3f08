import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type MovieBag, signUp } from './movie-bag.ts'
import { movieStops } from './movie-tour.ts'
import type { ReceivedMail } from './smtp.ts'
import { endLinks } from './time.ts'

/** A page in one of its states, and how a person gets there. */
export type Stop = { name: string; who: 'a stranger' | 'ada'; open: (page: Page) => Promise<unknown> }

/** Creates accounts, and returns every page in every state that it can have. */
export async function tour(bag: MovieBag): Promise<Stop[]> {
  const links = await makeLinks(bag)
  const stranger = (name: string, open: Stop['open']): Stop => ({ name, who: 'a stranger', open })
  const own = (name: string, open: Stop['open']): Stop => ({ name, who: 'ada', open })
  return [
    stranger('sign-up', at('/sign-up')),
    stranger('sign-up-refused', sent('/sign-up', { email: 'ada@example.org', password: 'long enough a password' })),
    stranger('log-in', at('/log-in?next=%2Faccount')),
    stranger('log-in-refused', sent('/log-in', { email: 'ada@example.org', password: 'not hers' })),
    stranger('forgot', at('/forgot')),
    stranger('forgot-refused', sent('/forgot', { email: 'ada at example' })),
    stranger('forgot-sent', sent('/forgot', { email: 'nobody@example.org' })),
    stranger('reset', at(`/reset/${links.live}`)),
    stranger('reset-typing', async (page) => {
      await at(`/reset/${links.live}`)(page)
      await page.fill('#password', 'a gentle reef of coral')
      await page.click('[data-shows=password]')
    }),
    stranger('reset-refused', sent(`/reset/${links.live}`, { password: 'password' })),
    stranger('reset-expired', at(`/reset/${links.expired}`)),
    stranger('reset-spent', at(`/reset/${links.spent}`)),
    stranger('reset-replaced', at(`/reset/${links.replaced}`)),
    stranger('reset-revoked', at(`/reset/${links.revoked}`)),
    stranger('reset-unknown', at('/reset/cut')),
    stranger('reset-renewed', sent(`/reset/${links.expired}`, {})),
    stranger('reset-done', sent(`/reset/${links.toUse}`, { password: 'a gentle reef of coral' })),
    stranger('verify', at(links.verify)),
    stranger('verify-done', sent(links.verifyToUse, {})),
    stranger('verify-used', at(links.verifyToUse)),
    stranger('verify-unknown', at('/verify/cut')),
    stranger('not-me-request', at(links.notMe)),
    stranger('not-me-request-done', sent(links.notMe, {})),
    stranger('not-me-unknown', at('/not-me/cut')),
    stranger('mails', at('/dev/mails')),
    stranger('mail-preview', async (page) => {
      await page.goto('/dev/mails/en/reset-password')
      await page.frameLocator('iframe').getByText('Best regards').waitFor()
    }),
    stranger('not-found', at('/no/such/page')),
    stranger('not-this-way', at('/log-out')),
    own('account', at('/account?done=password-changed')),
    own('account-history', at('/account/history')),
    own('account-password', at('/account/password')),
    own('account-password-refused', sent('/account/password', { current_password: 'no', new_password: 'not hers' })),
    own('account-address', at('/account/address')),
    own('account-address-refused', sent('/account/address', { email: 'a@example.org', password: 'not hers' })),
    own('account-delete', at('/account/delete')),
    ...movieStops(bag),
  ]
}

/** Opens a browser window of Ada, who has signed up and logged in from two devices. */
export async function adasWindow(browser: Browser, bag: MovieBag, locale = 'en'): Promise<BrowserContext> {
  const firefox = { 'user-agent': 'Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0' }
  const ada = { email: 'ada@example.org', password: 'the long password of ada' }
  await bag.request('POST', '/api/auth/login', ada, firefox)
  const window = await browser.newContext({ baseURL: bag.url, locale })
  const page = await window.newPage()
  await sent('/log-in?next=%2Faccount', ada)(page)
  return window
}

/** Returns the path of the link in a mail that begins with `start`. Throws if there is none. */
export function findPath({ text }: Pick<ReceivedMail, 'text'>, start: string): string {
  const path = new RegExp(`${start}[a-z2-7]{26}`).exec(text ?? '')?.[0]
  if (!path) throw new Error(`The mail has no link to ${start}`)
  return path
}

export function at(path: string): Stop['open'] {
  return (page) => page.goto(path)
}

/** Fills in the form of a page and submits it. */
export function sent(path: string, fields: Record<string, string>): Stop['open'] {
  return async (page) => {
    await page.goto(path)
    for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value)
    const answer = page.waitForEvent('load')
    await page.locator('main button[type=submit]').click()
    await answer
  }
}

async function makeLinks(bag: MovieBag) {
  const names = ['ada', 'live', 'toUse', 'expired', 'spent', 'replaced', 'revoked'] as const
  const emailOf = (name: string) => `${name.toLowerCase()}@example.org`
  await Promise.all(names.map((name) => signUp(bag, name.toLowerCase())))
  await Promise.all(names.map((name) => bag.request('POST', '/api/auth/forgot', { email: emailOf(name) })))
  const token = (name: (typeof names)[number]) => bag.smtp.tokenFor(emailOf(name))
  const links = {
    live: await token('live'),
    toUse: await token('toUse'),
    expired: await token('expired'),
    spent: await token('spent'),
    replaced: await token('replaced'),
    revoked: await token('revoked'),
    notMe: findPath(await bag.smtp.mailTo(emailOf('ada')), '/not-me/'),
    verify: findPath(await bag.smtp.verificationTo(emailOf('live')), '/verify/'),
    verifyToUse: findPath(await bag.smtp.verificationTo(emailOf('toUse')), '/verify/'),
  }
  for (const name of ['expired', 'spent', 'replaced', 'revoked'] as const) await endLinks(bag, emailOf(name), name)
  return links
}
