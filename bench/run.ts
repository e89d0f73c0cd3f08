/**
 * The benchmark: Movie Bag compared with the floor, in turns. `npm run bench -- --help` lists the options. Prints a
 * Markdown document, and with `--write` stores it in `docs/benchmark.md`. Progress goes to stderr.
 *
 * With `--self` the floor is compared with itself. Every ratio should then be near 1; how far it strays is what this machine
 * cannot resolve.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../src/database/embedded/start.ts'
import { allowCreatingDatabases } from '../test/postgres.ts'
import type { Bench, Measurement, Pair, Subjects } from './bench.ts'
import { endChildren } from './children.ts'
import { writeDocument } from './document.ts'
import { forgotDown, forgotFast, forgotSlow } from './forgot.ts'
import { growth } from './growth.ts'
import { readOptions } from './options.ts'
import { recovery } from './recovery.ts'
import { addMovie, listMovies, logIn, readMovie } from './requests.ts'
import { addAccounts, addMovies } from './seed.ts'
import { buildFloor, movieBag, startService } from './services.ts'
import { coldStart } from './start.ts'
import { markdownTable, type Row } from './table.ts'

const measurements: Measurement[] = [
  { name: 'read', measure: readMovie },
  { name: 'list', measure: listMovies },
  { name: 'login', measure: logIn },
  { name: 'forgot-fast', measure: forgotFast },
  { name: 'forgot-slow', measure: forgotSlow },
  { name: 'forgot-down', measure: forgotDown },
  { name: 'recovery', measure: recovery },
  { name: 'start', measure: coldStart },
  { name: 'add', measure: addMovie },
  { name: 'growth', measure: growth },
]

const options = readOptions(measurements.map(({ name }) => name))
const folder = newFolder()
const log = pino({ level: 'warn' }, pino.destination(2))
const starting = startEmbeddedPostgres({ dataDir: join(folder, 'data'), log }).then(async (server) => {
  await allowCreatingDatabases(server)
  return server
})
let ending: Promise<void> | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end().finally(() => process.exit(130)))

try {
  const rows = await measureAll()
  const document = await writeDocument(rows, options, (await starting).url)
  console.log(document)
  if (options.write) writeFileSync('docs/benchmark.md', document)
} finally {
  await end()
}

async function measureAll(): Promise<Row[]> {
  const bench: Bench = { size: options.size, pair: await startSubjects('base'), startPair }
  const services = Object.values(bench.pair)
  await Promise.all(services.map((service) => addAccounts(service, 1000)))
  await Promise.all(services.map((service) => addMovies(service, options.size.movies)))

  const all: Row[] = []
  for (const { name, measure } of measurements.filter((measurement) => options.only.includes(measurement.name))) {
    console.error(`${new Date().toLocaleTimeString('en-GB')} ${name}`)
    const rows = await measure(bench)
    console.error(markdownTable(rows))
    all.push(...rows)
  }
  return all
}

async function startPair(name: string): Promise<Pair> {
  const { url } = await starting
  const floor = buildFloor(folder)
  const other = options.self ? floor : movieBag
  return {
    floor: await startService(floor, url, `${name}_floor`, folder),
    movieBag: await startService(other, url, `${name}_movie_bag`, folder),
  }
}

async function startSubjects(name: string): Promise<Subjects> {
  const pair = await startPair(name)
  const pipelined = { ...pair.floor.subject, env: { FLOOR: 'pipelined' } }
  return { ...pair, pipelined: await startService(pipelined, (await starting).url, `${name}_pipelined`, folder) }
}

/** On the disk of the checkout, because in a temporary folder in memory commits would cost nothing. */
function newFolder(): string {
  mkdirSync('data', { recursive: true })
  const folder = mkdtempSync(resolve('data/bench-'))
  chmodSync(folder, 0o755) // PostgreSQL may run as another user, and must come through
  return folder
}

function end(): Promise<void> {
  ending ??= endAll()
  return ending
}

async function endAll(): Promise<void> {
  await endChildren()
  const postgres = await starting.catch(() => undefined)
  await postgres?.stop()
  for (const remains of [postgres?.directory ?? folder, folder]) rmSync(remains, { recursive: true, force: true })
}
