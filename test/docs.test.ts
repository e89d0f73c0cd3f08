import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { maxConfirmationMails } from '../src/accounts/mail-limits.ts'
import { readConfig, settingNames } from '../src/config/config.ts'
import { secretFileNames } from '../src/config/secret-files.ts'
import { limits } from '../src/http/rate-limit.ts'
import { maxDeletedMovies } from '../src/movies/delete-movie.ts'
import { maxKnownBrowsers } from '../src/sessions/known-browser.ts'
import { maxNewDeviceMails } from '../src/sessions/log-in.ts'
import { maxSessions } from '../src/sessions/session.ts'
import { allDocuments, blockOf, type Document, document, itemsUnder, root, rowsUnder, tokensOf } from './documents.ts'

const documents = allDocuments()
const packageFile: { scripts: object; dependencies: object } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)

test('every link between documents has a target', () => {
  const links = documents.flatMap((from) =>
    tokensOf(from, 'link').map((link) => ({ path: from.path, to: 'href' in link ? String(link.href) : '' })),
  )
  const relative = links.filter(({ to }) => !/^[a-z]+:/.test(to))
  assert.ok(relative.length > 20, 'the links were not found')
  assert.deepEqual(relative.filter(isDead), [])
})

test('every setting that a document names exists', () => {
  const named = codeIn(documents, /^#?([A-Z][A-Z\d]*(?:_[A-Z\d]+)+)(?:=.*)?$/gm)
  const known = [
    ...settingNames(),
    ...secretFileNames(),
    'NODE_ENV',
    'ENV_FILE_LOCATION',
    'TEST_DATABASE_URL',
    'NODE_EXTRA_CA_CERTS',
  ]
  assert.ok(named.length > 20, 'the settings were not found')
  assert.deepEqual(
    named.filter((name) => !known.includes(name)),
    [],
  )
})

test('every npm script that a document names exists', () => {
  const named = codeIn(documents, /npm run ([\w:-]+)|npm (start|test)\b/g)
  assert.ok(named.includes('check') && named.includes('start'), 'the scripts were not found')
  assert.deepEqual(
    named.filter((name) => !(name in packageFile.scripts)),
    [],
  )
})

test('every file and folder that a document names exists', () => {
  const named = codeIn(
    documents,
    /(?<![\w./-])((?:src|test|docs|bench|bin|templates|locales|migrations|public)\/[\w./-]*)(?!.*<)/g,
  )
  assert.ok(named.length > 20, 'the paths were not found')
  assert.deepEqual(
    named.filter((path) => !existsSync(join(root, path))),
    [],
  )
})

test('the README lists every setting with its default', () => {
  const rows = rowsUnder(document('README.md'), 'Settings').map(([name = '', value = '']) => [name, value])
  assert.deepEqual(
    rows.map(([name]) => name),
    settingNames().filter((name) => name !== 'NODE_ENV'),
  )
  const example = readFileSync(join(root, '.env.example'), 'utf8').replaceAll(/^#(?=[A-Z])/gm, '')
  const defaults = Object.entries(parseEnv(example)).filter(([name, value]) => value && name !== 'NODE_ENV')
  assert.ok(defaults.length > 10, 'the defaults were not found')
  for (const [name, value] of defaults)
    assert.deepEqual(
      [name, value],
      rows.find(([setting]) => setting === name),
    )
})

test('the example for production is valid once the secrets are filled in', () => {
  const shown = parseEnv(
    blockOf(document('docs/operating.md'), 'ini production').replaceAll('…', '0123456789abcdef'.repeat(2)),
  )
  const config = readConfig({ ...shown, ENV_FILE_LOCATION: join(root, 'test/empty.env') })
  assert.equal(config.production, true)
  assert.deepEqual(config.warnings, [])
})

test('every runtime dependency has a reason', () => {
  const documented = rowsUnder(document('docs/dependencies.md'), 'Dependencies')
  assert.deepEqual(
    documented.map(([name]) => name),
    Object.keys(packageFile.dependencies),
  )
  assert.ok(documented.every(([, reason]) => reason))
})

test('the documented rate limits are the real ones', () => {
  const documented = rowsUnder(document('docs/operating.md'), 'Rate limits')
  const real = Object.entries(limits).map(([kind, { points, seconds }]) => [kind, String(points), `${seconds} s`])
  assert.deepEqual(documented, real)
})

test('the documented quotas are the real ones', () => {
  const documented = rowsUnder(document('docs/operating.md'), 'Quotas')
  assert.deepEqual(documented, [
    ['sessions', String(maxSessions)],
    ['known browsers', String(maxKnownBrowsers)],
    ['deleted movies', String(maxDeletedMovies)],
    ['new-device mails', `${maxNewDeviceMails} within an hour`],
    ['confirmation mails', `${maxConfirmationMails} within an hour`],
  ])
})

test('each walk-through is short, and each of its files is imported by one before it', () => {
  const longest = {
    'A reset request': 7,
    'A new password': 11,
    'A login': 12,
    'A reset mail': 13,
    'The session of a request': 3,
    'An error': 5,
    'The movie list': 12,
  }
  for (const [heading, most] of Object.entries(longest)) {
    const files = itemsUnder(document('docs/architecture.md'), heading).map(({ code: [file = ''] }) => file)
    assert.ok(files.length <= most, `${heading} takes ${files.length} files`)
    const unreachable = files.filter(
      (file, index) => index > 0 && !files.slice(0, index).some((earlier) => importsOf(earlier).includes(file)),
    )
    assert.deepEqual(unreachable, [], heading)
  }
})

/** The files that a file imports, relative to the root. */
function importsOf(file: string): string[] {
  const source = readFileSync(join(root, file), 'utf8')
  return [...source.matchAll(/from '(\.[^']+)'/g)].map(([, path = '']) => posix.join(posix.dirname(file), path))
}

/** The matches of a pattern in inline code and code blocks. */
function codeIn(from: Document[], pattern: RegExp): string[] {
  const texts = from.flatMap((each) => [...tokensOf(each, 'codespan'), ...tokensOf(each, 'code')])
  const found = texts.flatMap((token) => ('text' in token ? [...String(token.text).matchAll(pattern)] : []))
  return found.map((match) => match.slice(1).find(Boolean) ?? '')
}

function isDead({ path, to }: { path: string; to: string }): boolean {
  const [file = '', anchor] = to.split('#')
  const target = file ? posix.join(posix.dirname(path), file) : path
  if (!existsSync(join(root, target))) return true
  return anchor !== undefined && !anchorsOf(document(target)).includes(anchor)
}

/** The anchors that code hosts generate for headings. */
function anchorsOf(from: Document): string[] {
  return tokensOf(from, 'heading').map((heading) => {
    const text = 'text' in heading ? String(heading.text) : ''
    return text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-')
  })
}
