import type { Socket } from 'node:net'
import pg from 'pg'

/** For each wait: for a free connection, for a new one to open, and for the server to go on in the middle of a statement. */
const patienceMs = 2500

/** Opens a pool of connections on which nothing waits for more than 2.5 seconds. */
export function openPool(url: string, options: { connections: number; onError: (error: Error) => void }): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.connections,
    connectionTimeoutMillis: patienceMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: 'movie-bag',
    onConnect: async (client) => {
      endWhenSilent(client as pg.Client)
      // Or the server would go on with what nobody waits for any more, and whoever asks for much would keep it busy. No
      // parameter of the connection, for PgBouncer knows none.
      await ask(client, { text: 'set statement_timeout = 2400' })
    },
  })
  pool.on('error', options.onError)
  // While a transaction holds a connection, the pool does not listen to it, and its loss would end the process. The
  // statements meet the error anyway.
  pool.on('connect', (client) => void client.on('error', () => {}))
  return pool
}

/** Connections whose server owes an answer. */
const owed = new WeakSet<pg.ClientBase>()

/**
 * Runs a statement on a connection of the pool. Where the server falls silent over it, the connection ends and it fails.
 * Neither the promises of `pg` nor its `query_timeout` are used: with either, V8 takes what was answered for long-lived
 * and carries it along by the megabyte, and a third fewer lists are read in a second.
 */
export async function ask<Row extends object>(
  client: pg.ClientBase,
  statement: pg.QueryConfig,
): Promise<pg.QueryResult<Row>> {
  owed.add(client)
  try {
    return await new Promise<pg.QueryResult<Row>>((resolve, reject) => {
      client.query<Row>(statement, (error, result) => (error ? reject(error) : resolve(result)))
    })
  } catch (error) {
    // It was made where the answer came in; who asked is more of a help.
    if (error instanceof Error) Error.captureStackTrace(error, ask)
    throw error
  } finally {
    owed.delete(client)
  }
}

/** A socket keeps one timer, whatever is sent and comes. */
function endWhenSilent(client: pg.Client): void {
  const socket = client.connection.stream as Socket
  socket.setTimeout(patienceMs)
  // A listener of its own: the one that can be given to `setTimeout` is called once, and silence comes again.
  socket.on('timeout', () => {
    if (owed.has(client)) socket.destroy()
  })
}
