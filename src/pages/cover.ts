import { createHash } from 'node:crypto'

/** What the template `cover` draws: one of the palettes and motifs, where the motif lies, and the title in lines. */
export type Cover = {
  palette: number
  motif: number
  x: number
  r: number
  fontSize: number
  isRtl: boolean
  lines: { text: string; y: number }[]
}

/** A cover drawn from the title: the same title has the same cover everywhere. */
export function drawCover(name: string): Cover {
  const [palette = 0, motif = 0, x = 0, r = 0] = createHash('sha256').update(name).digest()
  const { fontSize, lines } = fitted(name)
  const y = (index: number) => Math.round(278 - (lines.length - 1 - index) * fontSize * 1.15)
  return {
    palette: palette % 10,
    motif: motif % 8,
    x: 60 + (x % 81),
    r: 38 + (r % 25),
    fontSize,
    isRtl: rtlFirst.test(name),
    lines: lines.map((text, index) => ({ text, y: y(index) })),
  }
}

/** The first letter is of a script that is written from right to left. */
const rtlFirst = /^\P{L}*[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

/** The largest type in which the title fits in few lines; in the smallest it is cut. */
function fitted(name: string) {
  for (const [fontSize, columns, most] of [
    [30, 9, 2],
    [24, 12, 3],
    [20, 14, 4],
  ] as const) {
    const lines = linesOf(name, columns)
    if (lines.length <= most && lines.every((line) => widthOf(line) <= columns)) return { fontSize, lines }
  }
  const lines = linesOf(name, 16).map((line) => cutTo(line, 16))
  const [first = '', second = '', third = '', fourth = '', fifth] = lines
  if (fifth === undefined) return { fontSize: 18, lines }
  return { fontSize: 18, lines: [first, second, third, `${cutTo(fourth, 15).replace(/…$/, '')}…`] }
}

function linesOf(name: string, columns: number): string[] {
  const lines: string[] = []
  for (const word of name.split(/\s+/).filter(Boolean)) {
    const joined = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && widthOf(joined) <= columns) lines.splice(-1, 1, joined)
    else lines.push(word)
  }
  return lines
}

function cutTo(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line
  let kept = ''
  for (const { segment } of letters.segment(line)) {
    if (widthOf(kept + segment) >= columns) break
    kept += segment
  }
  return `${kept}…`
}

const letters = new Intl.Segmenter()

/** In columns: what is written in East Asian scripts, and emoji, take two. */
function widthOf(text: string): number {
  const wide = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u
  return [...letters.segment(text)].reduce((width, { segment }) => width + (wide.test(segment) ? 2 : 1), 0)
}
