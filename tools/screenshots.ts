// Takes screenshots of every page and mail in desktop and phone size, light and dark, and of the main pages and every mail
// in the other languages. They go to `screenshots/`, where `index.html` shows them all.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { languages } from '../src/i18n/languages.ts'
import { mailTemplates } from '../src/mail/check-templates.ts'
import { startBrowser } from '../test/browser.ts'
import { everyMail } from '../test/every-mail.ts'
import { type MovieBag, startMovieBag } from '../test/movie-bag.ts'
import { adasWindow, type Stop, tour } from '../test/tour.ts'

const folder = join(import.meta.dirname, '../screenshots')
const devices = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 780 } }
const colorSchemes = ['light', 'dark'] as const

test('screenshots of every page and mail', { timeout: 600_000 }, async () => {
  const bag = await startMovieBag({ UNKNOWN_ADDRESS_MAIL: 'on' })
  const browser = await startBrowser()
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  try {
    const stops = await tour(bag)
    const ada = await adasWindow(browser, bag)
    const pictures = [
      ...(await takePages(browser, bag, { stops, ada })),
      ...(await takeMails(browser, bag)),
      ...(await takeLanguages(browser, bag, { stops, ada })),
    ]
    writeFileSync(join(folder, 'index.html'), contactSheet(pictures))
  } finally {
    await browser.close()
    await bag.stop()
  }
})

type Visits = { stops: Stop[]; ada: BrowserContext }

/** The screenshots of a page or mail. */
type Pictures = { name: string; files: string[] }

async function takePages(browser: Browser, bag: MovieBag, { stops, ada }: Visits): Promise<Pictures[]> {
  const stranger = await browser.newContext({ baseURL: bag.url })
  const pages = { 'a stranger': await stranger.newPage(), ada: await ada.newPage() }
  const pictures: Pictures[] = []
  for (const { name, who, open } of stops) {
    await open(pages[who])
    pictures.push(await take(pages[who], name))
  }
  return pictures
}

async function takeMails(browser: Browser, bag: MovieBag): Promise<Pictures[]> {
  const page = await browser.newPage()
  const pictures: Pictures[] = []
  for (const [kind, mail] of Object.entries(await everyMail(bag))) {
    await page.setContent(mail.html || '')
    pictures.push(await take(page, `mail-${kind}`))
  }
  return pictures
}

const mainStops = ['log-in-refused', 'forgot-sent', 'reset', 'movie-new-refused', 'account', 'account-history']

async function takeLanguages(browser: Browser, bag: MovieBag, { stops, ada }: Visits): Promise<Pictures[]> {
  const movies: Stop = { name: 'movies', who: 'ada', open: (page) => page.goto('/?sort=name&view=grid') }
  const visited = [movies, ...stops.filter(({ name }) => mainStops.includes(name))]
  const pictures: Pictures[] = []
  for (const locale of languages.filter((language) => language !== 'en')) {
    const window = { baseURL: bag.url, locale }
    const storageState = await ada.storageState()
    const pages = {
      'a stranger': await (await browser.newContext(window)).newPage(),
      ada: await (await browser.newContext({ ...window, storageState })).newPage(),
    }
    for (const { name, who, open } of visited) {
      await open(pages[who])
      pictures.push(await take(pages[who], `${locale}-${name}`, ['light']))
    }
    for (const kind of mailTemplates) {
      await pages.ada.goto(`/dev/mails/${locale}/${kind}/html`)
      pictures.push(await take(pages.ada, `${locale}-mail-${kind}`, ['light']))
    }
  }
  return pictures
}

async function take(
  page: Page,
  name: string,
  schemes: readonly ('light' | 'dark')[] = colorSchemes,
): Promise<Pictures> {
  const files: string[] = []
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme })
    for (const [device, size] of Object.entries(devices)) {
      await page.setViewportSize(size)
      const file = `${name}-${device}-${colorScheme}.png`
      await page.screenshot({ path: join(folder, file), fullPage: true, animations: 'disabled' })
      files.push(file)
    }
  }
  return { name, files }
}

function contactSheet(pictures: Pictures[]): string {
  const sections = pictures.map(({ name, files }) => {
    const images = files.map((file) => `<a href="${file}"><img src="${file}" alt="${file}" loading="lazy"></a>`)
    return `<section><h2>${name}</h2>${images.join('')}</section>`
  })
  const style = 'body { background: #888; font: 1rem sans-serif } img { height: 24rem; margin: 0.3rem }'
  return `<!doctype html><title>Screenshots</title><style>${style}</style>${sections.join('\n')}`
}
