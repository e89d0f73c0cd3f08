import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Token } from 'marked'
import { parseSync, Visitor } from 'oxc-parser'
import { document, root } from './documents.ts'

const { tokens } = document('docs/security.md')
const { scripts }: { scripts: object } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// What is promised, in the order in which an account is taken back.
const headings = ['Asking', 'The link and the token', 'Passwords', 'Login and sessions', 'HTTP', 'Mail', 'Faults']
const promises = headings.flatMap(promisesUnder)

test('every promise names at least one test or measuring script, and its source', () => {
  assert.ok(promises.length > 50, `${promises.length} promises`)
  assert.deepEqual(
    promises.filter(({ shownBy, source }) => shownBy.length === 0 || source === '').map(({ promise }) => promise),
    [],
  )
})

test('every test and script that a promise names exists', () => {
  const missing = promises.flatMap(({ promise, shownBy }) =>
    proofsIn(shownBy)
      .filter((proof) => !exists(proof))
      .map((proof) => `${promise}: ${proof.file} ${proof.name}`),
  )
  assert.deepEqual(missing, [])
})

test('a test that is none would be noticed', () => {
  const [file, name] = ['src/recovery/reset-password.test.ts', 'a reset link works once']
  assert.equal(exists({ file, name }), true)
  assert.equal(exists({ file, name: 'a reset link works twice' }), false)
  assert.equal(exists({ file: 'src/recovery/no.test.ts', name }), false)
  assert.deepEqual(proofsIn([file]), [{ file, name: '' }])
  assert.equal(exists({ file, name: '' }), false)
  assert.equal(exists({ file: 'npm run no-such-script', name: '' }), false)
})

type Promised = { promise: string; shownBy: string[]; source: string }

/** The rows of the table below a heading. What shows a promise stands there as code: files, each with its tests. */
function promisesUnder(heading: string): Promised[] {
  const start = tokens.findIndex((token) => token.type === 'heading' && 'text' in token && token.text === heading)
  const table = tokens.slice(start).find((token) => token.type === 'table')
  assert.ok(start >= 0 && table?.type === 'table', `docs/security.md has no table under "${heading}"`)
  const rows: { text: string; tokens: Token[] }[][] = table['rows']
  return rows.map(([promise, shownBy, source]) => ({
    promise: promise?.text ?? '',
    shownBy: (shownBy?.tokens ?? []).flatMap((token) => (token.type === 'codespan' ? [String(token['text'])] : [])),
    source: source?.text ?? '',
  }))
}

type Proof = { file: string; name: string }

/** Each test with its file; a script, or a file that names no test, stands alone. */
function proofsIn(code: string[]): Proof[] {
  const isFile = (text: string) => /\.test\.ts$|^npm run /.test(text)
  return code.flatMap((text, index) => {
    const file = code.slice(0, index + 1).findLast(isFile) ?? ''
    if (!isFile(text)) return [{ file, name: text }]
    const next = code[index + 1]
    return next === undefined || isFile(next) ? [{ file, name: '' }] : []
  })
}

function exists({ file, name }: Proof): boolean {
  const script = /^npm run (.+)$/.exec(file)?.[1]
  if (script) return name === '' && script in scripts
  return existsSync(join(root, file)) && testsIn(file).includes(name)
}

/** The names of a file's tests as they are written: one made by a template keeps its placeholders. */
function testsIn(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const names: string[] = []
  new Visitor({
    CallExpression: ({ callee, arguments: [name] }) => {
      if (callee.type !== 'Identifier' || callee.name !== 'test' || !name) return
      if (name.type === 'Literal') names.push(String(name.value))
      if (name.type === 'TemplateLiteral') names.push(text.slice(name.start + 1, name.end - 1))
    },
  }).visit(parseSync(file, text).program)
  return names
}
