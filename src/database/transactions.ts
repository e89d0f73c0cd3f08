import pg from 'pg'
import type { Sql } from 'sql-template-tag'
import { AppError } from '../errors.ts'
import type { Queryable } from './database.ts'
import { rethrow } from './outage.ts'
import { applySettings, isStale, runOn, sessionSettings, socketOf, toQuery } from './statement.ts'

/** Functions that must run in a transaction take one of these. */
export type Transaction = Queryable & { readonly transactional: true }

/** `isPrepared` is false if the statements have too many variants for each connection to prepare them. */
export type StatementOptions = { isPrepared: boolean }

type Work<T> = (tx: Transaction) => Promise<T>

/** How long to wait for a free connection, for a new one to open, and for the next bytes of a running statement. */
const timeoutMs = 2500

/**
 * Opens the pool for transactions and for statements that may be slow. Nothing in it waits longer than 2.5 seconds. Its
 * connections are pipelined too: a transaction may send statements that do not depend on each other at once.
 */
export function openPool(
  config: pg.ClientConfig,
  { connections, onError }: { connections: number; onError: (error: Error) => void },
): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    max: connections,
    pipeline: true,
    connectionTimeoutMillis: timeoutMs,
    idleTimeoutMillis: 30_000,
    onConnect: async (client) => {
      closeWhenUnresponsive(client)
      const { isPooled } = await waitFor(client, () => applySettings(client))
      if (isPooled) behindPooler.add(client)
    },
  })
  pool.on('error', onError)
  // The pool does not handle errors of a connection in use, so losing one during a transaction would crash the process.
  // The running statement fails anyway.
  pool.on('connect', (client) => void client.on('error', () => {}))
  return pool
}

/** Runs one statement. */
export async function runStatement<Row extends object>(
  pool: pg.Pool,
  statement: Sql,
  options: StatementOptions,
): Promise<Row[]> {
  return onConnection(pool, options, (client, { isPrepared }) => run<Row>(client, toQuery(statement, { isPrepared })))
}

/** Runs `work` in a transaction, which is committed unless it throws. */
export async function runTransaction<T>(pool: pg.Pool, work: Work<T>, options: StatementOptions): Promise<T> {
  const committed: (() => void)[] = []
  const result = await onConnection(pool, options, async (client, { isPrepared }) => {
    committed.length = 0
    // Not awaited, so that the first statement is sent along. If this fails, so does the connection.
    const begun = run(client, { text: behindPooler.has(client) ? beginBehindPooler : 'begin' })
    begun.catch(() => {})
    try {
      const result = await work({
        transactional: true,
        query: (statement) => run(client, toQuery(statement, { isPrepared })),
        afterCommit: (run) => void committed.push(run),
      })
      await begun
      await run(client, { text: 'commit' })
      return result
    } catch (error) {
      await rollBack(client, error)
      throw error
    }
  })
  for (const run of committed) run()
  return result
}

/**
 * Uses a connection of the pool, and drops it afterwards if it is no longer usable. If its prepared statements are
 * stale, nothing has happened yet: everything is run again, on another connection and without any.
 */
async function onConnection<T>(
  pool: pg.Pool,
  options: StatementOptions,
  use: (client: pg.PoolClient, options: StatementOptions) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch(rethrow)
  try {
    const result = await use(client, options)
    client.release()
    return result
  } catch (error) {
    client.release(isUnavailable(error) || isStale(error) || broken.has(client))
    if (!(options.isPrepared && isStale(error))) throw error
    return onConnection(pool, { isPrepared: false }, use)
  }
}

/** If the server did not respond, closing the connection rolls back. */
async function rollBack(client: pg.PoolClient, error: unknown): Promise<void> {
  if (isUnavailable(error)) return
  await run(client, { text: 'rollback' }).catch(() => broken.add(client))
}

function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'ServiceUnavailableError'
}

/** Connections on which a rollback failed. */
const broken = new WeakSet<pg.ClientBase>()

/** Connections that may change their server after each transaction. */
const behindPooler = new WeakSet<pg.ClientBase>()

const beginBehindPooler = [
  'begin isolation level read committed',
  ...Object.entries(sessionSettings).map(([name, value]) => `set local ${name} = '${value}'`),
].join('; ')

function run<Row extends object>(client: pg.PoolClient, query: pg.QueryConfig): Promise<Row[]> {
  return waitFor(client, () => runOn<Row>(client, query)).catch(rethrow)
}

/** What a connection waits for: how many statements, and since when. */
type Waiting = { statements: number; since: number }

const waiting = new WeakMap<pg.ClientBase, Waiting>()

async function waitFor<T>(client: pg.ClientBase, respond: () => Promise<T>): Promise<T> {
  const state = waiting.get(client) ?? { statements: 0, since: 0 }
  waiting.set(client, state)
  if (state.statements === 0) state.since = performance.now()
  state.statements += 1
  try {
    return await respond()
  } finally {
    state.statements -= 1
  }
}

/**
 * Closes a connection that waits for a silent server. The socket has a single timer, so this costs nothing per statement. A
 * process that was itself suspended reads what has arrived before it decides.
 */
function closeWhenUnresponsive(client: pg.ClientBase): void {
  const socket = socketOf(client)
  socket.setTimeout(timeoutMs)
  // Not the callback of `setTimeout`, which is called only once.
  socket.on('timeout', () => {
    const { bytesRead } = socket
    setImmediate(() => {
      const { statements, since } = waiting.get(client) ?? { statements: 0, since: 0 }
      if (statements === 0 || socket.bytesRead !== bytesRead) return
      // A statement that was sent only now has time left.
      const leftMs = since + timeoutMs - performance.now()
      if (leftMs <= 0) socket.destroy()
      else socket.setTimeout(leftMs)
    })
  })
}
