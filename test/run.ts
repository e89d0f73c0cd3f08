// Runs the tests on a PostgreSQL of their own, or on the server that TEST_DATABASE_URL names, where they touch only databases
// that they created. Arguments are test files; without any, all run, or with `quick` all but the long ones. A number sets
// the size of a test of random inputs, and `seed=<number>` replays its failure.
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { createTemplate, dropDatabases } from './database.ts'
import { startPostgres } from './postgres.ts'

// Chromium, packing and stories that wait: left out of the quick tier, and started first in the whole suite, so that no
// long file runs alone at the end. The longest comes first.
const longFiles = [
  'src/recovery/model',
  'src/mail/outage',
  'test/processes',
  'src/http/fuzz',
  'test/package',
  'src/pages/every-page',
  'src/pages/recovery-in-browser',
  'src/cli/movie-bag',
  'src/database/embedded/embedded',
  'test/database-away',
  'test/clocks',
].map((name) => `${name}.test.ts`)

const prefix = `movie_bag_test_${process.pid}`
const compileCache = mkdtempSync(join(tmpdir(), 'movie-bag-compiled-'))
const server = await startPostgres()
try {
  const template = await createTemplate(server.url, prefix)
  const { files, size, seed } = readArguments(process.argv.slice(2))
  Object.assign(process.env, {
    // Every file loads the whole service; what one has compiled, the others reuse.
    NODE_COMPILE_CACHE: compileCache,
    TEST_SERVER_URL: server.url,
    TEST_DATABASE_PREFIX: prefix,
    TEST_DATABASE_TEMPLATE: template,
    ...(size && { TEST_SIZE: size }),
    ...(seed && { TEST_SEED: seed }),
  })
  process.exitCode = await runTests(files, { timeoutMs: size ? 3_600_000 : 60_000 })
} finally {
  await dropDatabases(server.url, prefix)
  await server.stop()
  rmSync(compileCache, { recursive: true, force: true })
}

function readArguments(given: string[]): { files: string[]; size?: string | undefined; seed?: string | undefined } {
  const size = given.find((argument) => /^\d+$/.test(argument))
  const seed = given.find((argument) => argument.startsWith('seed='))?.slice('seed='.length)
  const named = given.filter((argument) => !/^(quick|\d+|seed=.*)$/.test(argument))
  if (named.length > 0) return { files: named, size, seed }
  const all = globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).map((file) => file.replaceAll('\\', '/'))
  const short = all.filter((file) => !longFiles.includes(file))
  return { files: given.includes('quick') ? short : [...longFiles, ...short], size, seed }
}

async function runTests(files: string[], { timeoutMs }: { timeoutMs: number }): Promise<number> {
  // Interrupted, the tests stop, and then the server does.
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())
  let code = 0
  const results = run({
    files: files.map((file) => resolve(file)),
    // More than there are cores, because many stories wait most of the time.
    concurrency: availableParallelism() * 2 + 1,
    // A larger space for young objects: a file loads much that would be copied again and again.
    execArgv: [`--test-timeout=${timeoutMs}`, '--min-semi-space-size=16'],
    signal: interrupted.signal,
  })
  results.on('test:fail', () => {
    code = 1
  })
  await pipeline(results, new spec(), process.stdout, { end: false })
  return code
}
