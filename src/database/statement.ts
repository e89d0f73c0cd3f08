import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import type pg from 'pg'
import type { Sql } from 'sql-template-tag'
import { errorCode } from '../errors.ts'

/** Returns a statement as `pg` takes it, with the name under which each connection prepares it once. */
export function toQuery({ text, values }: Sql, { isPrepared }: { isPrepared: boolean }): pg.QueryConfig {
  const name = isPrepared ? statementName(text) : undefined
  return name === undefined ? { text, values } : { name, text, values }
}

const names = new Map<string, string>()

/** Each takes about 25 kB of the server's memory per connection. The code has about a hundred statements. */
const maxNames = 300

/**
 * Returns the name of a statement, or undefined if there are too many names. Those without a name are planned each time.
 */
function statementName(text: string): string | undefined {
  let name = names.get(text)
  if (name === undefined && names.size < maxNames) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 22)
    names.set(text, name)
  }
  return name
}

/**
 * Runs a statement on a connection. Uses neither the promises of `pg` nor its `query_timeout`: with either, V8 treats
 * results as long-lived objects, and throughput of movie lists drops by a third.
 */
export async function runOn<Row extends object>(client: pg.ClientBase, query: pg.QueryConfig): Promise<Row[]> {
  try {
    return await new Promise<Row[]>((resolve, reject) => {
      writeTogether(socketOf(client))
      client.query<Row>(query, (error, result) => (error ? reject(error) : resolve(result.rows)))
    })
  } catch (error) {
    // The stack of the caller helps more than that of the socket.
    if (error instanceof Error) Error.captureStackTrace(error, runOn)
    throw error
  }
}

/**
 * What our statements rely on, whatever the role or the database has as its default. The timeout limits what the server
 * spends on statements whose callers have given up.
 */
export const sessionSettings = {
  // In milliseconds. The client gives up 100 ms later.
  statement_timeout: '2400',
  default_transaction_isolation: 'read committed',
  datestyle: 'ISO',
}

/**
 * Applies the settings to a new connection. Behind a pooler they would outlive our use of the connection, so there they are
 * set in each transaction only. A pooler gives connections other process IDs than their servers have.
 */
export async function applySettings(client: pg.ClientBase): Promise<{ isPooled: boolean }> {
  const { processID } = client as pg.ClientBase & { processID: number }
  const settings = await runOn<{ isPooled: boolean }>(client, {
    text: `
      select pg_backend_pid() <> $1 as "isPooled",
        set_config(name, case when pg_backend_pid() = $1 then value else current_setting(name) end, false)
      from unnest($2::text[], $3::text[]) as setting (name, value)`,
    values: [processID, Object.keys(sessionSettings), Object.values(sessionSettings)],
  })
  return { isPooled: settings[0]?.isPooled ?? true }
}

/** Holds back what is written to a socket until the event loop has run what is ready: a system call for all of it. */
function writeTogether(socket: Socket): void {
  if (socket.writableCorked > 0) return
  socket.cork()
  setImmediate(() => socket.uncork())
}

export function socketOf(client: pg.ClientBase): Socket {
  return (client as pg.Client).connection.stream as Socket
}

/**
 * Returns whether the connection's prepared statements no longer work, in which case nothing was run: a migration has
 * changed a column they return, or a pooler has put another server behind the connection.
 */
export function isStale(error: unknown): boolean {
  const code = errorCode(error)
  const isChangedPlan = code === '0A000' && error instanceof Error && error.message.startsWith('cached plan')
  return isChangedPlan || code === '26000' || code === '42P05'
}
