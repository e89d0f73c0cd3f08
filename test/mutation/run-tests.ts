/** Runs test files for one mutant, up to the first failure, on databases of its own. */
import { resolve } from 'node:path'
import { run } from 'node:test'
import { dropDatabases } from '../database.ts'

const { TEST_SERVER_URL: serverUrl = '', TEST_DATABASE_PREFIX: shared = '' } = process.env
const prefix = `${shared}_${process.pid}`
process.env['TEST_DATABASE_PREFIX'] = prefix
const failed = new AbortController()
const results = run({
  files: process.argv.slice(2).map((file) => resolve(file)),
  concurrency: true,
  timeout: 60_000,
  signal: failed.signal,
})
results.on('test:fail', ({ file, name }) => {
  console.log(`${file}: ${name}`)
  process.exitCode = 1
  failed.abort()
})
for await (const _ of results);
await dropDatabases(serverUrl, prefix)
