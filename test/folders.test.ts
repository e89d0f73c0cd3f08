import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { parseSync, Visitor } from 'oxc-parser'

const root = join(import.meta.dirname, '../src')

// What stands further left may use what stands further right. Two in one place do not know each other.
const order = [
  ['cli'],
  ['main'],
  ['worker'],
  ['app'],
  ['purge'],
  ['pages'],
  ['recovery', 'movies'],
  ['accounts'],
  ['mail'],
  ['http'],
  ['database'],
]
const openToAll = ['errors.ts', 'languages.ts']

// A plain file beside the folders (log.ts, version.ts, ..) serves those at the front and its own kind. No folder imports
// it, and it knows no feature: of the folders it may import the last one only.
const front = ['cli', 'main', 'worker', 'app']
const last = 'database'

type Import = { from: string; to: string; isType: boolean }

test('every file imports only from its own folder and from what stands further right', () => {
  const files = globSync('**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] })
  const imports = files.flatMap((file) => importsIn(file, readFileSync(join(root, file), 'utf8')))
  assert(files.includes('recovery/reset-link.ts') && imports.length > files.length, 'the files were not found')
  assert.deepEqual(imports.filter((one) => !isAllowed(one)).map(inWords), [])
})

test('an import against the order is found, however it is written', () => {
  const wrong = {
    'mail/outbox.ts': `import { mintResetLink } from '../recovery/reset-link.ts'`,
    'http/close.ts': `import type { Account } from '../accounts/account.ts'`,
    'movies/movie.ts': `export * from '../recovery/reset-link.ts'`,
    'accounts/account.ts': `export { type Movie } from '../movies/movie.ts'`,
    'database/database.ts': `const { version } = await import('../version.ts')`,
    'pages/pages.ts': `type App = typeof import('../app.ts')`,
    'recovery/messages.ts': `import { readConfig } from '../config.ts'`,
    'log.ts': `import { queueMail } from './mail/outbox.ts'`,
    'app.ts': `import { serve } from './main.ts'`,
  }
  for (const [file, text] of Object.entries(wrong)) {
    const [found, ...others] = importsIn(file, text)
    assert(found && others.length === 0, text)
    assert.equal(isAllowed(found), false, text)
  }
})

/** Every import between our own files: of values and types, exported again, dynamic, and inside a type. */
function importsIn(file: string, text: string): Import[] {
  const { program, errors } = parseSync(file, text)
  assert.deepEqual(errors, [], file)
  const imports: Import[] = []
  const add = (target: string, isType: boolean) => {
    if (target.startsWith('.')) imports.push({ from: file, to: posix.join(posix.dirname(file), target), isType })
  }
  new Visitor({
    ImportDeclaration: ({ source, importKind }) => add(source.value, importKind === 'type'),
    ExportAllDeclaration: ({ source, exportKind }) => add(source.value, exportKind === 'type'),
    ExportNamedDeclaration: ({ source, exportKind }) => source && add(source.value, exportKind === 'type'),
    TSImportType: ({ source }) => add(source.value, true),
    // A computed one names a package that is found at run time.
    ImportExpression: ({ source }) => source.type === 'Literal' && add(String(source.value), false),
  }).visit(program)
  return imports
}

function isAllowed({ from, to, isType }: Import): boolean {
  const [importer, imported] = [placeOf(from), placeOf(to)]
  if (importer === imported || openToAll.includes(to)) return true
  if (to === 'config.ts' && isType) return true
  if (rank(imported) === -1) return front.includes(importer) || rank(importer) === -1
  return rank(importer) === -1 ? imported === last : rank(importer) < rank(imported)
}

/** The folder of a file; of a plain one its name, where the worker and what starts it in a thread are one. */
function placeOf(file: string): string {
  const [folder = '', name] = file.split('/')
  return name ? folder : folder.replace(/(-thread)?\.ts$/, '')
}

function rank(place: string): number {
  return order.findIndex((places) => places.includes(place))
}

function inWords({ from, to }: Import): string {
  return `${from} imports ${to}`
}
