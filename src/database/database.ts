import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Sql } from 'sql-template-tag'
import { AppError } from '../errors.ts'
import { ask, openPool } from './pool.ts'

export { default as sql, join, raw, type Sql } from 'sql-template-tag'

/** Runs one statement and answers its rows. The row's type is the caller's word for what the statement selects. */
type Query = <Row extends object = Record<string, never>>(statement: Sql) => Promise<Row[]>

/** Where a statement may run: on any connection of the pool, or inside a transaction. */
export type Queryable = { query: Query }

/** What holds or fails as a whole. A function that must not run outside one takes a `Transaction`. */
export type Transaction = Queryable & { readonly transactional: true }

export type Database = Queryable & {
  transaction: <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>
  close: () => Promise<void>
}

/**
 * Opens a pool of connections to PostgreSQL. Whatever keeps a statement from running for reasons that lie with the
 * server (away, starting, full, silent, a deadlock) is thrown as `ServiceUnavailableError`, within 3 seconds.
 */
export function openDatabase(url: string, options: { connections: number; onError: (error: Error) => void }): Database {
  const pool = openPool(url, options)
  return {
    query: (statement) => runOnce(pool, statement),
    transaction: (work) => transaction(pool, work),
    close: () => pool.end(),
  }
}

/** Whether the database refused a row because one like it is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505'
}

/** A connection is kept where the server answered, were it with a refusal. */
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

async function transaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch(rethrow)
  try {
    await ask(client, { text: 'begin' }).catch(rethrow)
    const result = await work({ transactional: true, query: (statement) => run(client, statement) })
    await ask(client, { text: 'commit' }).catch(rethrow)
    client.release()
    return result
  } catch (error) {
    client.release(!(await isRolledBack(client, error)))
    throw error
  }
}

/** A connection that just failed to answer is not asked again: its end rolls back. */
async function isRolledBack(client: pg.PoolClient, error: unknown): Promise<boolean> {
  if (isUnavailable(error)) return false
  return ask(client, { text: 'rollback' }).then(
    () => true,
    () => false,
  )
}

function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'ServiceUnavailableError'
}

async function run<Row extends object>(client: pg.PoolClient, { text, values }: Sql): Promise<Row[]> {
  const name = nameOf(text)
  const result = await ask<Row>(client, { ...(name && { name }), text, values }).catch(rethrow)
  return result.rows
}

const names = new Map<string, string>()

/** Each takes some 25 kB of the server's memory, on every connection. The code itself has about a hundred. */
const mostNames = 300

/**
 * A name makes a connection prepare the statement once. A search is put together from what is asked for, in thousands of
 * ways, so that names come to an end, and what comes later is planned each time.
 */
function nameOf(text: string): string | undefined {
  let name = names.get(text)
  if (name === undefined && names.size < mostNames) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 22)
    names.set(text, name)
  }
  return name
}

function rethrow(error: unknown): never {
  if (!isOutage(error)) throw error
  throw new AppError('ServiceUnavailableError', 'The database does not answer. Try again in a moment.', {
    headers: { 'retry-after': '2' },
    cause: error,
  })
}

/**
 * SQLSTATE classes 08 (connection), 40 (given up for another transaction, such as a deadlock), 53 (resources, such as a
 * full disk), 57P (shutdown), 57014 (it took too long), 58 (its files cannot be read or written) and 25006 (a standby), or
 * no answer at all.
 */
function isOutage(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(08|40|53|57P|57014|58|25006)/.test(error.code ?? '')
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/.test(code) ||
    connectionLost.test(error.message)
  )
}

/** The sentences with which `pg` tells, without a code, that a connection ended or took too long. */
const connectionLost =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|not queryable/
