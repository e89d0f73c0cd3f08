import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { HtmlValidate } from 'html-validate'
import type { Page, Response } from 'playwright-core'
import deMessages from '../../locales/de.json' with { type: 'json' }
import enMessages from '../../locales/en.json' with { type: 'json' }
import { startBrowser } from '../../test/browser.ts'
import { logIn, startMovieBag } from '../../test/movie-bag.ts'
import { adasWindow, type Stop, tour } from '../../test/tour.ts'

const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
const bag = await startMovieBag()
const browser = await startBrowser()
after(async () => {
  await browser.close()
  await bag.stop()
})
const stops = await tour(bag)
// Between them what is hardest: letters that go the other way, and words that are long.
const locales = { 'a stranger': 'ar', ada: 'de' }
const stranger = await browser.newContext({ baseURL: bag.url, locale: locales['a stranger'] })
const pages = {
  'a stranger': await watched(await stranger.newPage()),
  ada: await watched(await (await adasWindow(browser, bag, locales.ada)).newPage()),
}
const said = `(() => {
  const isOurs = (element) => !element.closest('script, svg, code, bdi, [dir=auto], [dir=ltr]:not(html), main [lang]')
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const texts = []
  while (walker.nextNode()) if (isOurs(walker.currentNode.parentElement)) texts.push(walker.currentNode.data)
  for (const name of ['aria-label', 'placeholder', 'data-ratings', 'title', 'alt'])
    for (const element of document.querySelectorAll('[' + name + ']'))
      if (isOurs(element)) texts.push(element.getAttribute(name))
  return texts.map((text) => text.trim()).filter(Boolean)
})()`
const partsOf = (messages: Record<string, string>) =>
  Object.values(messages).flatMap((text) => text.split(/\{\w+\}|\|/).map((part) => part.trim()))
const german = new Set(partsOf(deMessages))
const english = partsOf(enMessages).filter((part) => part.length > 1 && !german.has(part))
const html = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: {
    'doctype-style': ['error', { style: 'lowercase' }],
    'no-trailing-whitespace': 'off',
  },
})

for (const stop of stops) {
  test(`${stop.name} as ${stop.who} sees it is whole, light, wide, narrow and still, in both themes and their language`, () =>
    visit(stop))
}

test('buttons change colour smoothly unless less motion is asked for', async () => {
  const { page } = pages['a stranger']
  await page.goto('/log-in')
  await page.emulateMedia({ reducedMotion: 'no-preference' })
  assert((await moving(page)).includes('BUTTON'))
})

test('a cover shows the whole title on an Arabic page', async () => {
  const { page } = pages['a stranger']
  await page.goto('/?view=grid')
  const [turned, all, cut]: unknown[] = await page.evaluate(`[
    document.dir,
    document.querySelectorAll('.cover text').length,
    [...document.querySelectorAll('.cover text')].filter((line) => {
      const [title, cover] = [line, line.closest('.cover')].map((element) => element.getBoundingClientRect())
      return title.left < cover.left || title.right > cover.right
    }).map((line) => line.textContent),
  ]`)
  assert.equal(turned, 'rtl')
  assert(Number(all) > 10)
  assert.deepEqual(cut, [])
})

test('a title that begins with a number keeps its order on an Arabic page', async () => {
  const session = await logIn(bag, { email: 'ada@example.org', password: 'the long password of ada' })
  const movie = { name: '12 Angry Men', casts: ['Henry Fonda'], genres: ['Drama'] }
  const { body } = await bag.request('POST', '/api/movies', movie, session)
  const { page } = pages['a stranger']
  for (const [path, place] of [
    ['/?q=angry', '.name bdi'],
    [`/movies/${body.id}`, 'h1 bdi'],
  ] as const) {
    await page.goto(path)
    assert.equal(await page.locator(place).textContent(), movie.name)
    const starts: number[] = await page.evaluate(`['12', 'Angry', 'Men'].map((word) => {
      const text = document.querySelector('${place}').firstChild
      const range = document.createRange()
      range.setStart(text, text.data.indexOf(word))
      range.setEnd(text, text.data.indexOf(word) + word.length)
      return range.getBoundingClientRect().left
    })`)
    assert.deepEqual(
      starts,
      starts.toSorted((one, other) => one - other),
      path,
    )
  }
})

async function visit({ who, open }: Stop): Promise<void> {
  const { page, answers } = pages[who]
  answers.length = 0
  await open(page)
  const isPage = (answer: Response) => answer.request().isNavigationRequest() && answer.frame() === page.mainFrame()
  const start = answers.findLastIndex(isPage)
  const { results } = await html.validateString((await answers[start]?.text()) ?? '')
  assert.deepEqual(
    results.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`)),
    [],
  )
  await assertLight(answers.slice(start))
  await assertSpeaks(page, locales[who])
  await assertAccessible(page)
  assert.deepEqual(await moving(page), [], 'it moves, and was asked not to')
  await assertNarrow(page)
}

/** Its answers, none of which comes from a cache or from elsewhere. */
async function watched(page: Page) {
  const answers: Response[] = []
  page.on('response', (answer) => void answers.push(answer))
  page.on('request', (request) => assert(request.url().startsWith(`${bag.url}/`), `${request.url()} is asked for`))
  await page.addInitScript({ content: axe })
  page.on('pageerror', (error) => assert.fail(error))
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Network.setCacheDisabled', { cacheDisabled: true })
  return { page, answers }
}

async function assertLight(answers: Response[]): Promise<void> {
  let [all, scripts] = [0, 0]
  for (const answer of answers) {
    const { responseBodySize, responseHeadersSize } = await answer.request().sizes()
    all += responseBodySize + responseHeadersSize
    if (answer.request().resourceType() === 'script') scripts += responseBodySize
  }
  assert(answers.length >= 3, 'the page, its style and its picture were not seen')
  assert(all <= 30_000, `${all} bytes are transferred`)
  assert(scripts <= 10_000, `${scripts} bytes of scripts are transferred`)
}

/** In the dark theme nothing but colours is different. */
async function assertAccessible(page: Page): Promise<void> {
  for (const [colorScheme, rules] of [
    ['light', {}],
    ['dark', { runOnly: ['color-contrast', 'link-in-text-block'] }],
  ] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const found: string[] = await page.evaluate(
      `axe.run(${JSON.stringify(rules)}).then(({ violations }) =>
        violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`,
    )
    assert.deepEqual(found, [], colorScheme)
  }
}

/** What a page says is in its language, and nothing is English but what people typed, names, codes and previews. */
async function assertSpeaks(page: Page, locale: string): Promise<void> {
  const texts: string[] = await page.evaluate(said)
  assert.equal(await page.getAttribute('html', 'lang'), locale)
  assert(texts.length > 5)
  const ours = texts.map((text) => text.replace(/\u2068[^\u2069]*\u2069|ada@example\.org|Movie Bag|UTC|API|IP/g, ''))
  assert.deepEqual(
    ours.filter((text) => (locale === 'ar' ? /[a-z]{2}/i.test(text) : english.some((part) => isIn(text, part)))),
    [],
  )
}

/** A whole text, or a part of it that has enough words to be no chance. */
function isIn(text: string, part: string): boolean {
  return text === part || (part.split(' ').length > 2 && text.includes(part))
}

/** 320 px wide, which is also what is left of 1280 at 400 % (WCAG 2.2, 1.4.10). */
async function assertNarrow(page: Page): Promise<void> {
  await page.setViewportSize({ width: 320, height: 256 })
  const width: number = await page.evaluate('document.documentElement.scrollWidth')
  await page.setViewportSize({ width: 1280, height: 720 })
  assert.equal(width, 320, 'it scrolls sideways')
}

/** What does not change at once, or moves by itself: elements, and what stands before and after them. */
function moving(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('*')].flatMap((element) =>
    ['', '::before', '::after'].flatMap((part) => {
      const { transitionDuration, animationName } = getComputedStyle(element, part)
      return /[1-9]/.test(transitionDuration) || animationName !== 'none' ? element.nodeName + part : []
    }))`)
}
