import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { closestMatch } from '../config/spelling.ts'
import { version } from '../config/version.ts'
import { StartError } from '../errors.ts'
import type { Running } from '../server/start-components.ts'

const help = `Movie Bag ${version}, a self-hosted movie collection

Usage: movie-bag <command>

  serve      start the service: pages, API, mail worker, and PostgreSQL unless DATABASE_URL is set
  work       start only a mail worker, for the database at DATABASE_URL
  migrate    update the database schema and exit
  end-sessions <email> | --all
             log an account, or everyone, out of all devices, and exit
  --help     print this help
  --version  print the version

Settings come from the environment and from the file .env, or the file that ENV_FILE_LOCATION names.
`

/** Runs the command that the arguments name; a service runs until it is stopped. Returns the exit code. */
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
  const { values, positionals } = parse(args)
  if (values.version) return print(`${version}\n`)
  if (values.help) return print(help)
  const [name, ...rest] = positionals
  if (name === 'end-sessions') return endSessions(rest, values.all === true)
  if (values.all) throw new StartError('--all belongs to end-sessions. See movie-bag --help.')
  if (rest.length > 0) throw new StartError(`Unexpected argument "${rest.join(' ')}". See movie-bag --help.`)
  const start = commands.get(name ?? '')
  if (start) return untilStopped(start)
  const likely = name && closestMatch(name, [...commands.keys(), 'end-sessions'])
  const problem = name ? `"${name}" is not a command` : 'No command given'
  const hint = likely ? `Did you mean ${likely}?` : 'The commands are serve, work, migrate and end-sessions.'
  throw new StartError(`${problem}. ${hint} See movie-bag --help.`)
}

type Start = (signal: AbortSignal) => Promise<Running | undefined>

/** Loaded on demand, so that --help does not load the whole service. */
const commands = new Map<string, Start>([
  ['serve', async (signal) => (await import('../server/serve.ts')).serve(signal)],
  ['work', async (signal) => (await import('../server/work.ts')).work(signal)],
  ['migrate', async (signal) => (await import('../server/migrate-database.ts')).migrateDatabase(signal)],
])

async function endSessions(emails: string[], everyone: boolean): Promise<number> {
  const [email, ...more] = emails
  if (more.length > 0 || everyone === (email !== undefined)) {
    throw new StartError('end-sessions needs one email address, or --all. See movie-bag --help.')
  }
  const { endSessionsOf } = await import('../server/end-sessions.ts')
  return untilStopped((signal) => endSessionsOf(email === undefined ? 'everyone' : { email }, signal))
}

const options = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  all: { type: 'boolean' },
} as const

function parse(args: string[]) {
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

/**
 * SIGTERM and Ctrl-C stop the service, even while it starts. A second signal ends the process immediately, and so does
 * a timeout of 10 seconds.
 */
async function untilStopped(start: Start): Promise<number> {
  const stopping = new AbortController()
  const onSignal = () => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
    setTimeout(() => {
      process.stderr.write(
        'movie-bag: Shutdown took more than 10 seconds. Unsent mail will be sent after the next start.\n',
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
  running.log.info({ event: 'stopping' }, 'Stopping: waiting for running requests to finish')
  await running.stop()
  running.log.info({ event: 'stopped' }, 'Stopped')
  process.exit(0)
}
