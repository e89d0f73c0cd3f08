import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { parseSync, Visitor } from 'oxc-parser'

const root = join(import.meta.dirname, '../src')

// A file may import from its own folder and from every folder below it in this list.
const order = [
  'cli',
  'server',
  'config',
  'app',
  'pages',
  'recovery',
  'sign-up',
  'account-settings',
  'movies',
  'sessions',
  'passwords',
  'links',
  'accounts',
  'mail',
  'http',
  'errors',
  'i18n',
  'database',
]
const openToAll = ['errors.ts']

type Import = { from: string; to: string; isType: boolean }

test('every file imports only from its own folder and from those below it', () => {
  const files = globSync('**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] })
  const imports = files.flatMap((file) => findImports(file, readFileSync(join(root, file), 'utf8')))
  assert(files.includes('links/link.ts') && imports.length > files.length, 'the files were not found')
  assert.deepEqual(imports.filter((one) => !isAllowed(one)).map(describe), [])
})

test('an import against the order is found in every form', () => {
  const wrong = {
    'mail/outbox.ts': `import { mintLink } from '../links/link.ts'`,
    'http/graceful-close.ts': `import type { Account } from '../accounts/account.ts'`,
    'movies/movie.ts': `export * from '../recovery/reset-password.ts'`,
    'accounts/account.ts': `export { type Movie } from '../movies/movie.ts'`,
    'database/database.ts': `const { version } = await import('../config/version.ts')`,
    'pages/pages.ts': `type App = typeof import('../app.ts')`,
    'recovery/mails.ts': `import { readConfig } from '../config/config.ts'`,
    'errors.ts': `import { queueMail } from './mail/outbox.ts'`,
    'app.ts': `import { serve } from './server/serve.ts'`,
  }
  for (const [file, text] of Object.entries(wrong)) {
    const [found, ...others] = findImports(file, text)
    assert(found && others.length === 0, text)
    assert.equal(isAllowed(found), false, text)
  }
})

/** Finds every import between our own files: of values and types, re-exported, dynamic, and inside a type. */
function findImports(file: string, text: string): Import[] {
  const { program, errors } = parseSync(file, text)
  assert.deepEqual(errors, [], file)
  const imports: Import[] = []
  const add = (target: string, isType: boolean) => {
    if (target.endsWith('.ts') && target.startsWith('.'))
      imports.push({ from: file, to: posix.join(posix.dirname(file), target), isType })
  }
  new Visitor({
    ImportDeclaration: ({ source, importKind }) => add(source.value, importKind === 'type'),
    ExportAllDeclaration: ({ source, exportKind }) => add(source.value, exportKind === 'type'),
    ExportNamedDeclaration: ({ source, exportKind }) => source && add(source.value, exportKind === 'type'),
    TSImportType: ({ source }) => add(source.value, true),
    // A computed one names a package found at run time.
    ImportExpression: ({ source }) => source.type === 'Literal' && add(String(source.value), false),
  }).visit(program)
  return imports
}

function isAllowed({ from, to, isType }: Import): boolean {
  if (openToAll.includes(to) || (to === 'config/config.ts' && isType)) return true
  const [importer, imported] = [order.indexOf(topFolder(from)), order.indexOf(topFolder(to))]
  return importer >= 0 && importer <= imported
}

/** Returns the folder directly below `src` that has the file, or the file's name without `.ts` if it is in `src`. */
function topFolder(file: string): string {
  return file.split('/')[0]?.replace(/\.ts$/, '') ?? ''
}

function describe({ from, to }: Import): string {
  return `${from} imports ${to}`
}
