import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { document, rowsUnder } from './documents.ts'

const root = join(import.meta.dirname, '../src')

// Each table belongs to one folder. Others call the functions of that folder instead of naming its table in SQL.
const owners: Record<string, string> = {
  accounts: 'accounts',
  audit_history: 'accounts',
  deleted_movies: 'movies',
  email_changes: 'accounts',
  known_browsers: 'sessions',
  links: 'links',
  mail_server_state: 'mail',
  movies: 'movies',
  outbox: 'mail',
  rate_limits: 'http',
  sessions: 'sessions',
  wrong_passwords: 'passwords',
}

// Where one statement or one lock is worth more than the rule.
const exceptions: Record<string, { tables: string[]; reason: string }> = {
  'accounts/audit-history.ts': { tables: ['outbox'], reason: 'lists events and sent mails in one order' },
  'links/link.ts': { tables: ['accounts'], reason: 'locks the account first, and compares its email address' },
  'movies/delete-movie.ts': { tables: ['accounts'], reason: 'locks the account that keeps the deleted movie' },
  'recovery/cool-down.ts': { tables: ['accounts', 'links', 'outbox'], reason: 'decides in one statement' },
  'sessions/log-in.ts': { tables: ['accounts'], reason: 'looks up account and known browser in one round trip' },
  'sessions/require-session.ts': { tables: ['accounts'], reason: 'reads the locale with the session of every request' },
  'sessions/session.ts': { tables: ['accounts'], reason: 'starts a session only while the account stays as verified' },
}

test('SQL names the tables of other folders only in listed exceptions', () => {
  const files = globSync('**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] }).map((file) => file.replaceAll('\\', '/'))
  const uses = files.flatMap((file) => {
    const tables = findTables(readFileSync(join(root, file), 'utf8'))
    return tables.map((table) => ({ file, table }))
  })
  assert.deepEqual(new Set(uses.map(({ table }) => table)), new Set(Object.keys(owners)))
  const foreign = uses.filter(({ file, table }) => owners[table] !== file.split('/')[0])
  const listed = Object.entries(exceptions).flatMap(([file, { tables }]) => tables.map((table) => ({ file, table })))
  const describeAll = (these: typeof uses) => these.map(({ file, table }) => `${file}: ${table}`).toSorted()
  assert.deepEqual(describeAll(foreign), describeAll(listed))
})

test('the documentation says of every table what a thief would read', () => {
  const rows = rowsUnder(document('docs/security.md'), 'What a stolen database gives away')
  assert.deepEqual(rows.map(([table]) => table).toSorted(), Object.keys(owners).toSorted())
})

function findTables(text: string): string[] {
  const statements = [...text.matchAll(/`[^`]*`/g)].join('\n')
  const names = [...statements.matchAll(/\b(?:from|join|into|update|table)\s+(\w+)/g)].map(([, name = '']) => name)
  return [...new Set(names)].filter((name) => name in owners)
}
