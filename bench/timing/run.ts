/**
 * Whether time tells who has an account, and whether hashing holds others up: `npm run timing`. A service, its worker and
 * PostgreSQL run as processes of their own; this one asks, on loopback only. Ends with 1 where an aim is missed.
 *
 *   --pairs N     pairs of each two kinds, in random order (1000)
 *   --only NAME   some of forgot-up, forgot-slow, forgot-down, log-in, hashing, divided by commas
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { allowCreatingDatabases } from '../../test/postgres.ts'
import { endChildren } from '../children.ts'
import { movieBag, type Service, startService } from '../services.ts'
import { forgotTimes } from './forgot.ts'
import { timesBesideHashing } from './hashing.ts'
import { logInTimes } from './log-in.ts'
import type { Samples } from './samples.ts'
import { tellApart } from './tell-apart.ts'

const measurements: Record<string, (service: Service, pairs: number) => Promise<Samples>> = {
  'forgot-up': (service, pairs) => forgotTimes(service, 'up', pairs),
  'forgot-slow': (service, pairs) => forgotTimes(service, 'slow', pairs),
  'forgot-down': (service, pairs) => forgotTimes(service, 'down', pairs),
  'log-in': logInTimes,
}

const { values } = parseArgs({ options: { pairs: { type: 'string', default: '1000' }, only: { type: 'string' } } })
const names = values.only?.split(',') ?? [...Object.keys(measurements), 'hashing']
const pairs = Number(values.pairs)
if (!(pairs >= 10 && pairs <= 10_000)) throw new Error('--pairs takes a number from 10 to 10000.')

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-timing-'))
chmodSync(folder, 0o755)
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: pino({ level: 'warn' }) })
await allowCreatingDatabases(postgres)
try {
  const subject = { ...movieBag, command: [resolve('src/cli/main.ts'), 'serve'] }
  const service = await startService(subject, postgres.url, 'timing', folder)
  console.log(`${pairs} pairs, in random order, the outbox drained after each request\n`)
  console.log('| request | time of | unknown | beside | median | AUC | |\n|---|---|---|---|---|---|---|')
  for (const name of names.filter((one) => one !== 'hashing')) {
    const measure = measurements[name]
    if (!measure) throw new Error(`There is no measurement ${name}, only ${Object.keys(measurements).join(', ')}.`)
    report(name, await measure(service, pairs))
  }
  if (names.includes('hashing')) reportHashing(await timesBesideHashing(service, 10))
} finally {
  await endChildren()
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}

/** A row for each kind beside an address that nobody has. */
function report(name: string, samples: Samples): void {
  for (const [what, { unknown = [], ...kinds }] of Object.entries(samples)) {
    for (const [kind, times] of Object.entries(kinds)) {
      const { medianOfOne, medianOfOther, auc, noise, isMet } = tellApart(times, unknown)
      if (!isMet) process.exitCode = 1
      const cells = [name, what, inMs(medianOfOther), kind, inMs(medianOfOne)]
      console.log(`| ${[...cells, `${auc.toFixed(3)} ± ${noise.toFixed(3)}`, isMet ? '' : 'told apart'].join(' | ')} |`)
    }
  }
}

function reportHashing({ logins, requests, median, p99, isMet }: Awaited<ReturnType<typeof timesBesideHashing>>): void {
  if (!isMet) process.exitCode = 1
  console.log(
    `\n${requests} reads while ${logins} logged in at once: median ${inMs(median)}, p99 ${inMs(p99)} (aim: < 100 ms)`,
  )
}

function inMs(time: number): string {
  return `${time.toFixed(3)} ms`
}
