/**
 * Plants faults in copies of the code, one at a time, and runs the tests that are meant to notice: `npm run mutants`.
 * A fault that survives is a gap in the tests. Ends with 1 where one survives, or where the tests fail without a fault.
 *
 *   --only TEXT     only faults whose file, place or tests contain the text
 *   --parallel N    so many copies at once (half of the processors)
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import pLimit from 'p-limit'
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { mutants } from './list.ts'
import { inWords, type Mutant, plant } from './mutant.ts'

const root = join(import.meta.dirname, '../..')
const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, parallel: { type: 'string' } } })
const parallel = Number(values.parallel ?? Math.ceil(availableParallelism() / 2))
const chosen = mutants.filter((mutant) => `${inWords(mutant)} ${mutant.tests}`.includes(values.only))

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-mutants-'))
chmodSync(folder, 0o711)
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '400' }
const log = pino({ level: 'warn' })
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log, settings })
// What is worked on meanwhile has no part in it.
const whole = copyOfCode(root, 'whole')
try {
  process.exitCode = await run()
} finally {
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function run(): Promise<number> {
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))]
  console.log(`${tests.length} test files without a fault ..`)
  const { passes, output } = await runTests(whole, tests)
  if (!passes) {
    console.log(`They fail, so that nothing can be said of faults.\n${output}`)
    return 1
  }
  const limit = pLimit(parallel)
  const survived = await Promise.all(chosen.map((mutant, index) => limit(() => survives(mutant, index))))
  const survivors = chosen.filter((_, index) => survived[index])
  console.log(`\n${chosen.length - survivors.length} of ${chosen.length} faults are caught.`)
  for (const mutant of survivors) console.log(`Survived: ${inWords(mutant)}`)
  return survivors.length > 0 ? 1 : 0
}

async function survives(mutant: Mutant, index: number): Promise<boolean> {
  const copy = copyOfCode(whole, String(index))
  const file = join(copy, mutant.file)
  writeFileSync(file, plant(readFileSync(file, 'utf8'), mutant))
  const { passes } = await runTests(copy, mutant.tests)
  rmSync(copy, { recursive: true, force: true })
  console.log(`${passes ? 'SURVIVED' : 'caught  '}  ${inWords(mutant)}`)
  return passes
}

function copyOfCode(from: string, name: string): string {
  const copy = join(folder, name)
  const left = ['node_modules', '.git', 'data', 'dist', 'screenshots']
  cpSync(from, copy, { recursive: true, filter: (path) => !left.includes(basename(path)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

async function runTests(cwd: string, tests: string[]): Promise<{ passes: boolean; output: string }> {
  const env = { ...process.env, TEST_DATABASE_URL: postgres.url }
  const child = spawn(process.execPath, ['test/run.ts', ...tests], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const [code] = await once(child, 'close')
  return { passes: code === 0, output }
}
