// Takes a picture of every page and of every mail, as wide as a desk and as narrow as a phone, light and dark, into
// `screenshots/`. Its `index.html` shows them all.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { startBrowser } from '../test/browser.ts'
import { everyMail } from '../test/every-mail.ts'
import { type MovieBag, startMovieBag } from '../test/movie-bag.ts'
import { adasWindow, tour } from '../test/tour.ts'

const folder = join(import.meta.dirname, '../screenshots')
const devices = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 780 } }
const colorSchemes = ['light', 'dark'] as const

test('every page and every mail is taken', { timeout: 600_000 }, async () => {
  const bag = await startMovieBag({ UNKNOWN_ADDRESS_MAIL: 'on' })
  const browser = await startBrowser()
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  try {
    const names = [...(await takePages(browser, bag)), ...(await takeMails(browser, bag))]
    writeFileSync(join(folder, 'index.html'), contactSheet(names))
  } finally {
    await browser.close()
    await bag.stop()
  }
})

async function takePages(browser: Browser, bag: MovieBag): Promise<string[]> {
  const stops = await tour(bag)
  const stranger = await browser.newContext({ baseURL: bag.url })
  const pages = {
    'a stranger': await stranger.newPage(),
    ada: await (await adasWindow(browser, bag)).newPage(),
  }
  for (const { name, who, open } of stops) {
    await open(pages[who])
    await take(pages[who], name)
  }
  return stops.map(({ name }) => name)
}

async function takeMails(browser: Browser, bag: MovieBag): Promise<string[]> {
  const mails = Object.entries(await everyMail(bag))
  const page = await browser.newPage()
  for (const [kind, mail] of mails) {
    await page.setContent(mail.html || '')
    await take(page, `mail-${kind}`)
  }
  return mails.map(([kind]) => `mail-${kind}`)
}

async function take(page: Page, name: string): Promise<void> {
  for (const colorScheme of colorSchemes) {
    // Nothing is taken on its way from one colour to the other.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const [device, size] of Object.entries(devices)) {
      await page.setViewportSize(size)
      await page.screenshot({ path: join(folder, `${name}-${device}-${colorScheme}.png`), fullPage: true })
    }
  }
}

function contactSheet(names: string[]): string {
  const pictures = names.map((name) => {
    const files = Object.keys(devices).flatMap((device) =>
      colorSchemes.map((scheme) => `${name}-${device}-${scheme}.png`),
    )
    const images = files.map((file) => `<a href="${file}"><img src="${file}" alt="${file}" loading="lazy"></a>`)
    return `<section><h2>${name}</h2>${images.join('')}</section>`
  })
  const style = 'body { background: #888; font: 1rem sans-serif } img { height: 24rem; margin: 0.3rem }'
  return `<!doctype html><title>Screenshots</title><style>${style}</style>${pictures.join('\n')}`
}
