import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Sql } from 'sql-template-tag'
import { AppError, errorCode } from '../errors.ts'
import { openPool, runStatement } from './pool.ts'

export { default as sql, join, raw, type Sql } from 'sql-template-tag'

/** Runs one statement and returns its rows. The caller declares the type of the rows; it is not checked. */
type Query = <Row extends object = Record<string, never>>(statement: Sql) => Promise<Row[]>

/** Runs statements on any connection of the pool, or in a transaction. */
export type Queryable = { query: Query }

/** Functions that must run in a transaction take one of these. `afterCommit` runs a function once it is committed. */
export type Transaction = Queryable & { readonly transactional: true; afterCommit: (run: () => void) => void }

/** `isPrepared` is false if the statements have too many variants for each connection to prepare them. */
type TransactionOptions = { isPrepared?: boolean }

export type Database = Queryable & {
  transaction: <T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions) => Promise<T>
  close: () => Promise<void>
}

/**
 * Opens a connection pool. If the server cannot run a statement (it is down, starting, full or silent, or there was a
 * deadlock), the statement fails with `ServiceUnavailableError` within 3 seconds.
 */
export function openDatabase(url: string, options: { connections: number; onError: (error: Error) => void }): Database {
  const pool = openPool(url, options)
  return {
    query: (statement) => runOnce(pool, statement),
    transaction: (work, options) => transaction(pool, work, options),
    close: () => pool.end(),
  }
}

/** Returns whether a statement failed because of a unique constraint. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505'
}

/** Keeps the connection if the server responded, even with an error. */
async function runOnce<Row extends object>(pool: pg.Pool, statement: Sql): Promise<Row[]> {
  const client = await pool.connect().catch(rethrow)
  try {
    const rows = await run<Row>(client, statement)
    client.release()
    return rows
  } catch (error) {
    client.release(isUnavailable(error))
    throw error
  }
}

async function transaction<T>(
  pool: pg.Pool,
  work: (tx: Transaction) => Promise<T>,
  { isPrepared = true }: TransactionOptions = {},
): Promise<T> {
  const client = await pool.connect().catch(rethrow)
  try {
    await runStatement(client, { text: 'begin' }).catch(rethrow)
    const committed: (() => void)[] = []
    const result = await work({
      transactional: true,
      query: (statement) => run(client, statement, isPrepared),
      afterCommit: (run) => void committed.push(run),
    })
    await runStatement(client, { text: 'commit' }).catch(rethrow)
    client.release()
    for (const run of committed) run()
    return result
  } catch (error) {
    client.release(!(await isRolledBack(client, error)))
    throw error
  }
}

/** Rolls back, and returns whether the connection is still usable. If the server did not respond, closing it rolls back. */
async function isRolledBack(client: pg.PoolClient, error: unknown): Promise<boolean> {
  if (isUnavailable(error)) return false
  return runStatement(client, { text: 'rollback' }).then(
    () => true,
    () => false,
  )
}

function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'ServiceUnavailableError'
}

async function run<Row extends object>(
  client: pg.PoolClient,
  { text, values }: Sql,
  isPrepared = true,
): Promise<Row[]> {
  const name = isPrepared ? statementName(text) : undefined
  const result = await runStatement<Row>(client, { ...(name && { name }), text, values }).catch(rethrow)
  return result.rows
}

const names = new Map<string, string>()

/** Each takes about 25 kB of the server's memory per connection. The code has about a hundred statements. */
const maxNames = 300

/**
 * Returns the name under which each connection prepares the statement once, or undefined if there are too many names. Those
 * without a name are planned each time.
 */
function statementName(text: string): string | undefined {
  let name = names.get(text)
  if (name === undefined && names.size < maxNames) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 22)
    names.set(text, name)
  }
  return name
}

function rethrow(error: unknown): never {
  if (!isOutage(error)) throw error
  throw new AppError('ServiceUnavailableError', 'The database is not responding. Try again in a moment.', {
    headers: { 'retry-after': '2' },
    cause: error,
  })
}

/**
 * No response, or SQLSTATE 08 (connection), 40 (rolled back in favor of another transaction, such as a deadlock), 53
 * (out of resources, such as a full disk), 57P (shutdown), 57014 (statement timeout), 58 (I/O error) or 25006 (a
 * standby).
 */
function isOutage(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(08|40|53|57P|57014|58|25006)/.test(error.code ?? '')
  if (!(error instanceof Error)) return false
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/.test(errorCode(error)) ||
    connectionLost.test(error.message)
  )
}

/** The messages of `pg`, without a code, for a lost connection and a timeout. */
const connectionLost =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|not queryable/
