import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** For each wait: for a free connection, for a new one to open, and for the server to go on in the middle of a statement. */
const patienceMs = 2500

export type Pool = { connect: () => Promise<pg.PoolClient>; close: () => Promise<void> }

/**
 * Opens a pool of connections on which nothing waits for more than 2.5 seconds. The libraries could do so with a timer for
 * each statement and for each use of a connection, but then V8 takes what was answered for long-lived, and carries it
 * along by the megabyte: without these timers a third more lists are read in a second.
 */
export function openPool(url: string, options: { connections: number; onError: (error: Error) => void }): Pool {
  const pool = new pg.Pool({
    Client,
    connectionString: url,
    max: options.connections,
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
  return { connect: () => connect(pool), close: () => pool.end() }
}

/** Gives up where a connection does not open in time; told to the pool, that would also mean each use of an open one. */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super({ ...config, connectionTimeoutMillis: patienceMs })
  }
}

/** Connections whose server owes an answer. */
const owed = new WeakSet<pg.ClientBase>()

/** Runs a statement on a connection of the pool. Where the server falls silent over it, the connection ends and it fails. */
export async function ask<Row extends object>(
  client: pg.ClientBase,
  statement: pg.QueryConfig,
): Promise<pg.QueryResult<Row>> {
  owed.add(client)
  try {
    return await client.query<Row>(statement)
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

/** A connection that is free, or becomes so in time. */
async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  if (pool.idleCount > pool.waitingCount) return pool.connect()
  const connecting = pool.connect()
  const waiting = new AbortController()
  const tooLate = sleep(patienceMs, undefined, { signal: waiting.signal }).then(() => {
    connecting.then((client) => client.release()).catch(() => {})
    throw new Error('Connection terminated: none became free in time')
  })
  return Promise.race([connecting, tooLate]).finally(() => waiting.abort())
}
