import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { root } from './documents.ts'

/** How many requirements of levels 1 and 2 each chapter of ASVS 5.0.0 has. */
const requirements = [27, 11, 19, 10, 9, 35, 18, 7, 7, 29, 14, 9, 13, 9, 13, 16, 7]

/** Chapters of which nothing applies have one row. */
const singleRows = [10, 17]

const text = readFileSync(join(root, 'docs/asvs.md'), 'utf8')
const chapters = text
  .split(/^## V/m)
  .slice(1)
  .map((chapter) =>
    chapter
      .split('\n')
      .filter((line) => /^\| \d/.test(line))
      .map(readRow),
  )

test('each requirement has one row, in the order of the standard', () => {
  assert.equal(chapters.length, requirements.length)
  for (const [index, rows] of chapters.entries()) {
    const chapter = index + 1
    assert.equal(rows.length, singleRows.includes(chapter) ? 1 : requirements[index], `V${chapter}`)
    const ids = rows.map(({ id }) => id)
    assert(
      ids.every((id) => id.startsWith(`${chapter}.`)),
      `V${chapter}`,
    )
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })),
    )
  }
})

test('each requirement that is met names tests that exist, and each other one says why', () => {
  const wrong = chapters.flat().filter(({ state, reason, tests }) => {
    if (state !== 'met') return !['not met', 'not applicable'].includes(state) || !/[a-z]{3}/.test(reason)
    return tests.length === 0 || !tests.every((file) => existsSync(join(root, file)))
  })
  assert.deepEqual(wrong, [])
})

test('the numbers at the head are those of the rows', () => {
  const [, met, notApplicable, notMet] =
    /(\d+) of 253 are met, (\d+) do not apply, and (\d+)/.exec(text.replaceAll('\n', ' ')) ?? []
  const count = (wanted: string) => {
    const rows = chapters.map((chapter) => chapter.filter(({ state }) => state === wanted).length)
    return singleRows.reduce(
      (total, chapter) => {
        const stands = rows[chapter - 1] === 1 ? (requirements[chapter - 1] ?? 0) - 1 : 0
        return total + stands
      },
      rows.reduce((a, b) => a + b),
    )
  }
  assert.deepEqual([met, notApplicable, notMet].map(Number), ['met', 'not applicable', 'not met'].map(count))
})

function readRow(line: string): { id: string; state: string; reason: string; tests: string[] } {
  const [id = '', , state = '', reason = ''] = line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
  const links = [...reason.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => posix.join('docs', link))
  return { id, state, reason, tests: links.filter((file) => file.endsWith('.test.ts')) }
}
