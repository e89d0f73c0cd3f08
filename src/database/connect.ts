import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { StartError } from '../errors.ts'

export type Patience = { log: Pick<Logger, 'info'>; signal: AbortSignal }

const patienceMs = 10_000

/**
 * Connects to the database of `url`. A server that is not up yet is waited for, up to 10 seconds, and told of once;
 * whatever waiting does not mend (a wrong password, a missing database, a PostgreSQL older than 15) throws a `StartError`
 * at once.
 */
export async function reachDatabase(url: string, { log, signal }: Patience): Promise<pg.Client> {
  const giveUp = performance.now() + patienceMs
  for (let isFirst = true; ; isFirst = false) {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 5000,
      application_name: 'movie-bag',
    })
    // Always followed by the failure of a statement, which is what counts.
    client.on('error', () => {})
    try {
      await client.connect()
      await checkVersion(client)
      return client
    } catch (error) {
      await client.end()
      if (!(error instanceof Error) || error instanceof StartError) throw error
      const code = 'code' in error ? String(error.code) : ''
      if (!isPassing(code, error.message) || performance.now() > giveUp)
        throw new StartError(sentence(client, code, error))
      if (isFirst)
        log.info(`${server(client)} does not answer yet (${code || error.message}): waiting up to 10 seconds for it`)
      await sleep(250, undefined, { signal })
    }
  }
}

async function checkVersion(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_version_num: string }>('show server_version_num')
  const version = Math.floor(Number(rows[0]?.server_version_num) / 10_000)
  if (version >= 15) return
  throw new StartError(
    `${server(client)} is PostgreSQL ${version}: Movie Bag needs 15 or newer. Upgrade it, or set DATABASE_URL to another.`,
  )
}

/** No answer, or SQLSTATE 57P (starting or stopping) and 53300 (all connections taken). */
function isPassing(code: string, message: string): boolean {
  return (
    /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EAI_AGAIN|57P|53300)/.test(code) || /terminated|timeout/.test(message)
  )
}

function sentence(client: pg.Client, code: string, error: Error): string {
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'does not answer. Start it, or correct host and port in DATABASE_URL.',
    ENOTFOUND: 'cannot be found: no host has that name. Correct it in DATABASE_URL.',
    EAI_AGAIN: 'cannot be found: the name service does not answer.',
    '28P01': `refuses user "${client.user}" with this password. Correct user or password in DATABASE_URL.`,
    '3D000': `has no database "${client.database}". Create it, or correct its name in DATABASE_URL.`,
  }
  return `${server(client)} ${reasons[code] ?? `cannot be used by DATABASE_URL: ${error.message}.`}`
}

function server({ host, port }: pg.Client): string {
  return `The PostgreSQL at ${host}:${port}`
}
