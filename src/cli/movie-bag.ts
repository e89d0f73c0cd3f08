import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { closestMatch } from '../config/spelling.ts'
import { version } from '../config/version.ts'
import { StartError } from '../errors.ts'
import type { Running } from '../server/start-components.ts'

const help = `Movie Bag ${version}, a movie collection with accounts that can be recovered

Usage: movie-bag <command>

  serve      start the service: web, API, mail worker, and a database where DATABASE_URL names none
  work       start a mail worker only, on the database of DATABASE_URL
  migrate    bring the database to the newest schema, and end
  --help     print this
  --version  print the version

Settings come from the environment and from the file .env, or the one that ENV_FILE_LOCATION names.
`

/** Runs the command that the arguments name, a service until it is stopped. Answers the exit code. */
export async function run(args: string[]): Promise<number> {
  try {
    return await command(args)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    process.stderr.write(`movie-bag: ${error.message}\n`)
    return 1
  }
}

async function command(args: string[]): Promise<number> {
  const options = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } } as const
  const { values, positionals } = parse(args, options)
  if (values.version) return print(`${version}\n`)
  if (values.help) return print(help)
  const [name, ...rest] = positionals
  if (rest.length > 0) throw new StartError(`"${rest.join(' ')}" is one word too many. See movie-bag --help.`)
  const start = commands.get(name ?? '')
  if (start) return untilStopped(start)
  const likely = name && closestMatch(name, [...commands.keys()])
  const problem = name ? `"${name}" is no command` : 'A command is missing'
  const hint = likely ? `did you mean ${likely}?` : 'it takes serve, work or migrate.'
  throw new StartError(`${problem}: ${hint} See movie-bag --help.`)
}

type Start = (signal: AbortSignal) => Promise<Running | undefined>

/** Loaded when called, so that --help and a mistyped command need not load a whole service. */
const commands = new Map<string, Start>([
  ['serve', async (signal) => (await import('../server/serve.ts')).serve(signal)],
  ['work', async (signal) => (await import('../server/work.ts')).work(signal)],
  ['migrate', async (signal) => (await import('../server/migrate-database.ts')).migrateDatabase(signal)],
])

function parse(
  args: string[],
  options: { help: { type: 'boolean'; short: 'h' }; version: { type: 'boolean'; short: 'v' } },
) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    const [problem] = error instanceof Error ? error.message.split('. ') : [String(error)]
    throw new StartError(`${problem}. See movie-bag --help.`)
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

/** SIGTERM and Ctrl-C stop it, also while it starts; a second one, or 10 seconds, end it whatever is still in hand. */
async function untilStopped(start: Start): Promise<number> {
  const stopping = new AbortController()
  const onSignal = () => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
    setTimeout(() => {
      process.stderr.write(
        'movie-bag: Not everything finished within 10 seconds. Mail in hand is sent after the next start.\n',
      )
      process.exit(1)
    }, 10_000).unref()
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  const running = await start(stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error
  })
  if (!running) return 0
  if (!stopping.signal.aborted) await once(stopping.signal, 'abort')
  running.log.info('Stopping: requests in hand are finished first')
  await running.stop()
  running.log.info('Stopped')
  process.exit(0)
}
