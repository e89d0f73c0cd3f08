// Runs the tests on a PostgreSQL of their own: one from npm in a temporary folder, or the server that TEST_DATABASE_URL
// names, on which only databases made here are touched. Arguments are the test files to run; without any, all are. A number
// is how much a test of random inputs does, and `seed=<number>` replays its failure.
import { chmodSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../src/database/embedded/start.ts'
import { createTemplate, dropDatabases } from './database.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'movie-bag-test-'))
// PostgreSQL does not run as root. Where it may not pass, its data go to a folder of the system, and would stay there.
chmodSync(dataDir, 0o711)
const log = pino({ level: 'warn' })
// Speed over safety: a test database that a power cut destroys is no loss.
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '500' }
const given = process.env['TEST_DATABASE_URL']
const server = given ? { url: given, stop: async () => {} } : await startEmbeddedPostgres({ dataDir, log, settings })

const prefix = `movie_bag_test_${process.pid}`
try {
  process.exitCode = await runTests()
} finally {
  await dropDatabases(server.url, prefix)
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
}

async function runTests(): Promise<number> {
  await createTemplate(server.url, prefix)
  const given = process.argv.slice(2)
  const size = given.findLast((argument) => /^\d+$/.test(argument))
  const seed = given.findLast((argument) => /^seed=/.test(argument))?.slice('seed='.length)
  const wanted = given.filter((argument) => !/^(\d+$|seed=)/.test(argument))
  const files = wanted.length > 0 ? wanted : globSync(['src/**/*.test.ts', 'test/**/*.test.ts'])
  // Every file loads the whole service: what the first has compiled, the others need not.
  const env = {
    NODE_COMPILE_CACHE: join(dataDir, 'compiled'),
    TEST_SERVER_URL: server.url,
    TEST_DATABASE_PREFIX: prefix,
  }
  Object.assign(process.env, env, size && { TEST_SIZE: size }, seed && { TEST_SEED: seed })
  const interrupted = new AbortController()
  // Whoever interrupts the tests leaves no server behind: they end, and then what follows here is done all the same.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())
  let code = 0
  const results = run({
    files: longestFirst(files).map((file) => resolve(file)),
    // More than there are cores: many stories wait for a mail server or another process most of the time.
    concurrency: availableParallelism() * 2,
    // A file loads much at once, which a larger space for young objects need not copy.
    execArgv: [`--test-timeout=${size ? 3_600_000 : 60_000}`, '--min-semi-space-size=16'],
    signal: interrupted.signal,
  })
  results.on('test:fail', () => {
    code = 1
  })
  await pipeline(results, new spec(), process.stdout, { end: false })
  return code
}

/** Or they would still run when nothing else is left to run beside them. */
function longestFirst(files: string[]): string[] {
  const long = ['recovery/model', 'mail/outage', 'test/processes', 'http/fuzz', 'test/package', 'pages/every-page']
  const place = (file: string) => {
    const found = long.findIndex((name) => file.replaceAll('\\', '/').endsWith(`${name}.test.ts`))
    return found < 0 ? long.length : found
  }
  return files.toSorted((one, other) => place(one) - place(other))
}
