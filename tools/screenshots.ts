// Takes a picture of every page, as wide as a desk and as narrow as a phone, light and dark, into `screenshots/`.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { startBrowser } from '../test/browser.ts'
import { startMovieBag } from '../test/movie-bag.ts'
import { adasWindow, type Stop, tour } from '../test/tour.ts'

const folder = join(import.meta.dirname, '../screenshots')

test('every page is taken', { timeout: 600_000 }, async () => {
  const bag = await startMovieBag()
  const browser = await startBrowser()
  try {
    const stops = await tour(bag)
    const windows = {
      ada: await (await adasWindow(browser, bag)).newPage(),
      'a stranger': await newWindow(browser, bag.url),
    }
    mkdirSync(folder, { recursive: true })
    for (const stop of stops.filter(
      ({ name }) => !process.env['ONLY'] || process.env['ONLY'].split(',').includes(name),
    ))
      await take(windows[stop.who], stop)
  } finally {
    await browser.close()
    await bag.stop()
  }
})

async function newWindow(browser: Browser, baseURL: string): Promise<Page> {
  const context = await browser.newContext({ baseURL })
  return context.newPage()
}

async function take(page: Page, { name, open }: Stop): Promise<void> {
  await open(page)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const [device, width, height] of [
      ['desk', 1280, 800],
      ['phone', 390, 780],
    ] as const) {
      await page.setViewportSize({ width, height })
      await page.screenshot({ path: join(folder, `${name}-${device}-${colorScheme}.png`), fullPage: true })
    }
  }
}
