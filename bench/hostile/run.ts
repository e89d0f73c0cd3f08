/**
 * Attacks a built service with one hostile caller beside a well-behaved reader: `npm run hostile -- [NAME …]`. Each attack
 * gets a service and a database of its own. Prints for each what the reader felt and how far the memory of the service
 * grew, and exits with 1 if any of it is over the bounds.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { allowCreatingDatabases } from '../../test/postgres.ts'
import { endChildren } from '../children.ts'
import { type Attack, attacks } from './attacks.ts'
import { watchMemory } from './memory.ts'
import { startReader } from './reader.ts'
import { startTarget } from './target.ts'

/** What the reader may feel, and by how much the service may grow. */
const bounds = { p99Milliseconds: 200, failures: 0, growthMegabytes: 150 }
const seconds = 10

type Result = {
  name: string
  p50: number
  p99: number
  requests: number
  failures: number
  growth: number
  met: boolean
}

const wanted = process.argv.slice(2)
const chosen = attacks.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
if (chosen.length === 0) {
  console.error(`No such attack. There are: ${attacks.map(({ name }) => name).join(', ')}.`)
  process.exit(2)
}

const folder = newFolder()
const log = pino({ level: 'warn' }, pino.destination(2))
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log })
await allowCreatingDatabases(postgres)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end().finally(() => process.exit(130)))

const results: Result[] = []
try {
  for (const attack of chosen) results.push(await runAttack(attack))
} finally {
  await end()
}
console.log(table(results))
if (results.some(({ met }) => !met)) process.exitCode = 1

async function runAttack(attack: Attack): Promise<Result> {
  const target = await startTarget({ serverUrl: postgres.url, database: `hostile_${chosen.indexOf(attack)}`, folder })
  await attack.prepare(target)
  const memory = await watchMemory(target.pid)
  const reader = startReader(target.port, attack.readerPath)
  const stopping = AbortSignal.timeout(seconds * 1000)
  await attack.run(target, stopping)
  const { p50, p99, requests, failures } = await reader.stop()
  const growth = memory.stop()
  await target.stop()
  const met =
    p99 <= bounds.p99Milliseconds && failures <= bounds.failures && growth <= bounds.growthMegabytes && requests > 50
  const result = { name: attack.name, p50, p99, requests, failures, growth, met }
  console.error(table([result]).split('\n')[2])
  return result
}

function table(rows: Result[]): string {
  return [
    '| attack | reader p50, ms | p99, ms | requests | failures | memory grew by, MB | within bounds |',
    '|---|---:|---:|---:|---:|---:|---|',
    ...rows.map(
      ({ name, p50, p99, requests, failures, growth, met }) =>
        `| ${name} | ${p50.toFixed(1)} | ${p99.toFixed(0)} | ${requests} | ${failures} | ${growth.toFixed(0)} | ${met ? 'yes' : '**no**'} |`,
    ),
  ].join('\n')
}

/** In the checkout, because a temporary folder in memory would share it with what is measured. */
function newFolder(): string {
  mkdirSync('data', { recursive: true })
  const path = mkdtempSync(resolve('data/hostile-'))
  chmodSync(path, 0o755) // as root, PostgreSQL runs as another user, who has to pass
  return path
}

async function end(): Promise<void> {
  await endChildren()
  await postgres.stop()
  for (const remains of [postgres.directory, folder]) rmSync(remains, { recursive: true, force: true })
}
