import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { errorCode, StartError } from '../errors.ts'

export type WaitOptions = { log: Pick<Logger, 'info'>; signal: AbortSignal }

const maxWaitMs = 10_000

/**
 * Connects to a database. Waits up to 10 seconds for a server that is not up yet, and logs that once. Throws a
 * `StartError` immediately if waiting cannot help: a wrong password, a missing database, a PostgreSQL older than 15.
 */
export async function connectToDatabase(url: string, { log, signal }: WaitOptions): Promise<pg.Client> {
  const deadline = performance.now() + maxWaitMs
  let isLogged = false
  while (true) {
    const client = createClient(url)
    try {
      await client.connect()
      await checkVersion(client)
      await checkEncoding(client)
      return client
    } catch (error) {
      await client.end()
      if (!(error instanceof Error) || error instanceof StartError) throw error
      const code = errorCode(error)
      if (!isTemporary(code, error.message) || performance.now() > deadline) {
        throw new StartError(describeProblem(client, code, error))
      }
      if (!isLogged) {
        log.info(
          { event: 'database-not-up' },
          `${describeServer(client)} does not respond yet (${code || error.message}): waiting up to 10 seconds`,
        )
      }
      isLogged = true
      await sleep(250, undefined, { signal })
    }
  }
}

/**
 * Returns the host of a database, and whether nobody on the way to it can read or change anything: a Unix socket, or TLS
 * with a certificate that is checked. Throws a `StartError` if a certificate file cannot be read.
 */
export function describeConnection(url: string): { host: string; isProtected: boolean } {
  try {
    const client: { host: string; ssl: boolean | { rejectUnauthorized?: boolean } } = new pg.Client(url)
    const { host, ssl } = client
    const isVerified = ssl === true || (typeof ssl === 'object' && ssl.rejectUnauthorized !== false)
    return { host, isProtected: host.startsWith('/') || isVerified }
  } catch (error) {
    throw new StartError(`DATABASE_URL cannot be used: ${error instanceof Error ? error.message : error}.`)
  }
}

function createClient(url: string): pg.Client {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000, application_name: 'movie-bag' })
  // The statement that was running fails as well, and that error is handled.
  client.on('error', () => {})
  return client
}

async function checkVersion(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_version_num: string }>('show server_version_num')
  const version = Math.floor(Number(rows[0]?.server_version_num) / 10_000)
  if (version >= 15) return
  throw new StartError(
    `${describeServer(client)} is PostgreSQL ${version}, but Movie Bag needs 15 or newer. Upgrade it, or set DATABASE_URL to another server.`,
  )
}

async function checkEncoding(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>('show server_encoding')
  const encoding = rows[0]?.server_encoding
  if (encoding === 'UTF8') return
  throw new StartError(
    `The database ${client.database} has the encoding ${encoding}, which cannot hold every title: Movie Bag needs UTF8. Create another one, with: create database movie_bag encoding 'UTF8' locale 'C' template template0`,
  )
}

/** No response, SQLSTATE 57P (starting or stopping), or 53300 (too many connections). */
function isTemporary(code: string, message: string): boolean {
  return (
    /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EAI_AGAIN|57P|53300)/.test(code) || /terminated|timeout/.test(message)
  )
}

function describeProblem(client: pg.Client, code: string, error: Error): string {
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'does not respond. Start it, or correct the host and port in DATABASE_URL.',
    ENOTFOUND: 'cannot be found: there is no host with that name. Correct the host in DATABASE_URL.',
    EAI_AGAIN: 'cannot be found: DNS does not respond.',
    '28P01': `rejects user "${client.user}" with this password. Correct user or password in DATABASE_URL.`,
    '3D000': `has no database "${client.database}". Create it, or correct its name in DATABASE_URL.`,
  }
  return `${describeServer(client)} ${reasons[code] ?? `cannot be used with this DATABASE_URL: ${error.message}.`}`
}

/** Returns where a database is, without the password. */
export function describeDatabase(url: string): string {
  const { host, port, database } = new pg.Client({ connectionString: url })
  return `PostgreSQL at ${host}:${port}, database ${database}`
}

function describeServer({ host, port }: pg.Client): string {
  return `The PostgreSQL server at ${host}:${port}`
}
