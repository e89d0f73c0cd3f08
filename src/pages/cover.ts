import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/**
 * What the `cover` template draws: the numbers of a palette and a motif, the motif's position and radius, and the lines
 * of the title.
 */
export type Cover = {
  palette: number
  motif: number
  x: number
  r: number
  fontSize: number
  isRtl: boolean
  lines: { text: string; y: number }[]
}

const covers = new LRUCache<string, Cover>({ max: 2000 })

/** Returns the cover for a title. The same title always gets the same cover. */
export function drawCover(name: string): Cover {
  const cached = covers.get(name)
  if (cached) return cached
  const cover = draw(name)
  covers.set(name, cover)
  return cover
}

function draw(name: string): Cover {
  const [palette = 0, motif = 0, x = 0, r = 0] = createHash('sha256').update(name).digest()
  const { fontSize, lines } = fitTitle(name)
  const y = (index: number) => Math.round(278 - (lines.length - 1 - index) * fontSize * 1.15)
  return {
    palette: palette % 10,
    motif: motif % 8,
    x: 60 + (x % 81),
    r: 38 + (r % 25),
    fontSize,
    isRtl: startsRightToLeft.test(name),
    lines: lines.map((text, index) => ({ text, y: y(index) })),
  }
}

/** Matches a title whose first letter is in a right-to-left script. */
const startsRightToLeft = /^\P{L}*[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

/**
 * Returns the largest font size at which the title fits, and its lines. At the smallest size, a title that is too long
 * is truncated.
 */
function fitTitle(name: string): { fontSize: number; lines: string[] } {
  const words = measureWords(name)
  for (const { fontSize, columns, maxLines } of sizes) {
    const lines = wrap(words, columns)
    if (lines.length <= maxLines && lines.every(({ width }) => width <= columns)) {
      return { fontSize, lines: lines.map(({ text }) => text) }
    }
  }
  const [first, second, third, fourth, fifth] = wrap(words, smallestSize.columns).map(({ text }) => text)
  const lines = [first, second, third, fourth].filter((line) => line !== undefined)
  const cut = lines.map((line, index) =>
    truncate(line, smallestSize.columns, { isLast: index === 3 && fifth !== undefined }),
  )
  return { fontSize: smallestSize.fontSize, lines: cut }
}

const sizes = [
  { fontSize: 30, columns: 9, maxLines: 2 },
  { fontSize: 24, columns: 12, maxLines: 3 },
  { fontSize: 20, columns: 14, maxLines: 4 },
]
const smallestSize = { fontSize: 18, columns: 16 }

type Text = { text: string; width: number }

/**
 * More than four lines can hold. The rest of a long title is not measured, because that would hold up other requests.
 */
const maxMeasured = 160

function measureWords(name: string): Text[] {
  const words: Text[] = []
  let word: Text = { text: '', width: 0 }
  let measured = 0
  for (const { segment } of graphemes.segment(name)) {
    if (measured === maxMeasured) break
    measured += 1
    if (/^\s/.test(segment)) {
      if (word.text) words.push(word)
      word = { text: '', width: 0 }
    } else word = { text: word.text + segment, width: word.width + widthOf(segment) }
  }
  return word.text ? [...words, word] : words
}

function wrap(words: Text[], columns: number): Text[] {
  const lines: Text[] = []
  for (const { text, width } of words) {
    const last = lines.at(-1)
    if (last && last.width + 1 + width <= columns) {
      last.text += ` ${text}`
      last.width += 1 + width
    } else lines.push({ text, width })
  }
  return lines
}

/** Truncates a line to a width. A line with more text after it always ends in an ellipsis. */
function truncate(line: string, columns: number, { isLast }: { isLast: boolean }): string {
  const segments = [...graphemes.segment(line)].map(({ segment }) => segment)
  const width = segments.reduce((sum, segment) => sum + widthOf(segment), 0)
  if (width <= (isLast ? columns - 1 : columns)) return isLast ? `${line}…` : line
  let kept = ''
  let left = columns - 1
  for (const segment of segments) {
    left -= widthOf(segment)
    if (left < 0) break
    kept += segment
  }
  return `${kept}…`
}

const graphemes = new Intl.Segmenter()

const wideCharacter = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u

/** Returns the width in columns: East Asian characters and emoji take two. */
function widthOf(grapheme: string): number {
  return wideCharacter.test(grapheme) ? 2 : 1
}
