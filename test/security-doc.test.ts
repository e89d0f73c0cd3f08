import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { document, itemsUnder, root } from './documents.ts'

const security = document('docs/security.md')
const { scripts }: { scripts: object } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const topics = [
  'Requesting a reset',
  'Links and tokens',
  'Passwords',
  'Login and sessions',
  'HTTP',
  'Resources',
  'Mail',
  'Failures',
]

for (const topic of topics) {
  test(`every promise under "${topic}" names a test or a measuring script that exists`, () => {
    const promises = itemsUnder(security, topic)
    assert.deepEqual(
      promises.filter(({ links, code }) => testFiles(links).length + npmScripts(code).length === 0),
      [],
    )
  })
}

test('a test file that does not exist is noticed', () => {
  assert.deepEqual(testFiles(['../test/no-such-story.test.ts']), [])
  assert.deepEqual(npmScripts(['npm run no-such-script']), [])
  assert.deepEqual(testFiles(['../test/security-doc.test.ts']), ['test/security-doc.test.ts'])
})

function testFiles(links: string[]): string[] {
  return links
    .map((link) => posix.join('docs', link))
    .filter((file) => file.endsWith('.test.ts') && existsSync(join(root, file)))
}

function npmScripts(code: string[]): string[] {
  return code.filter((text) => text.startsWith('npm run ') && text.slice('npm run '.length) in scripts)
}
