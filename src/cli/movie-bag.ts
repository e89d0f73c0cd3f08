import { parseArgs } from 'node:util'
import { StartError } from '../errors.ts'
import { version } from '../version.ts'

const help = `Movie Bag ${version}, a movie collection with accounts that can be recovered

Usage: movie-bag <command>

  serve      start the service: web, API, mail worker, and a database where DATABASE_URL names none
  work       start a mail worker only, on the database of DATABASE_URL
  migrate    bring the database to the newest schema, and end
  --help     print this
  --version  print the version

Settings come from the environment and from the file .env, or the one that ENV_FILE_LOCATION names.
`

/** Runs the command that the arguments name. Answers the exit code; a service answers none and runs on. */
export async function run(args: string[]): Promise<number | undefined> {
  try {
    return await command(args)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    process.stderr.write(`movie-bag: ${error.message}\n`)
    return 1
  }
}

async function command(args: string[]): Promise<number | undefined> {
  const options = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } } as const
  const { values, positionals } = parse(args, options)
  if (values.version) return print(`${version}\n`)
  if (values.help) return print(help)
  const [name, ...rest] = positionals
  if (rest.length > 0) throw new StartError(`"${rest.join(' ')}" is one word too many. See movie-bag --help.`)
  // Loaded here, so that --help and a mistyped command need not load a whole service.
  const { migrateOnly, serve, work } = await import('../main.ts')
  if (name === 'serve') return untilStopped(await serve())
  if (name === 'work') return untilStopped(await work())
  if (name === 'migrate') return migrateOnly().then(() => 0)
  throw new StartError(
    `${name ? `"${name}" is no command` : 'A command is missing'}: it takes serve, work or migrate. See movie-bag --help.`,
  )
}

function parse(
  args: string[],
  options: { help: { type: 'boolean'; short: 'h' }; version: { type: 'boolean'; short: 'v' } },
) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : error} See movie-bag --help.`)
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

/** SIGTERM and Ctrl-C stop it; a second one, or 10 seconds, end it whatever is still in hand. */
function untilStopped({ stop, log }: Awaited<ReturnType<typeof import('../main.ts').serve>>): undefined {
  let isStopping = false
  const onSignal = async () => {
    if (isStopping) process.exit(1)
    isStopping = true
    log.info('Stopping: requests in hand are finished first')
    setTimeout(() => {
      log.error('Not everything finished within 10 seconds. Mail in hand is sent after the next start.')
      process.exit(1)
    }, 10_000).unref()
    await stop()
    log.info('Stopped')
    process.exit(0)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
