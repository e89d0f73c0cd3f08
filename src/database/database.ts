import pg from 'pg'
import type { Sql } from 'sql-template-tag'
import { type Lane, openLane } from './lanes.ts'
import { rethrow } from './outage.ts'
import { toQuery } from './statement.ts'
import { openPool, runStatement, runTransaction, type StatementOptions, type Transaction } from './transactions.ts'

export { default as sql, join, raw, type Sql } from 'sql-template-tag'
export type { Transaction } from './transactions.ts'

/** Runs one statement and returns its rows. The caller declares the type of the rows; it is not checked. */
type Query = <Row extends object = Record<string, never>>(statement: Sql) => Promise<Row[]>

/**
 * Runs statements: on any connection of the pool, on those of a lane, or in a transaction. `afterCommit` runs a function
 * once the statements before it are committed: immediately unless in a transaction.
 */
export type Queryable = { query: Query; afterCommit: (run: () => void) => void }

/**
 * `query` is for statements that may be slow. `reads` and `writes` are fast lanes, in which the statements of a connection
 * run one after another: they are for statements that find few rows by an index, and return or write no more than these.
 */
export type Database = Queryable & {
  reads: Queryable
  writes: Queryable
  transaction: <T>(work: (tx: Transaction) => Promise<T>, options?: StatementOptions) => Promise<T>
  close: () => Promise<void>
}

/** `connections` are those of the pool. `isPrepared` is false behind a pooler that does not keep prepared statements. */
export type DatabaseOptions = { connections: number; isPrepared?: boolean; onError: (error: Error) => void }

/**
 * Opens the connections to a database, each when it is first needed. If the server cannot run a statement (it is down,
 * starting, full or silent, or there was a deadlock), the statement fails with `ServiceUnavailableError` within 3 seconds.
 */
export function openDatabase(url: string, { connections, isPrepared = true, onError }: DatabaseOptions): Database {
  const config = {
    connectionString: url,
    connectionTimeoutMillis: 2500,
    keepAlive: true,
    application_name: 'movie-bag',
  }
  const pool = openPool(config, { connections, onError })
  const reads = openLane(config, { connections: laneConnections.reads, onError })
  const writes = openLane(config, { connections: laneConnections.writes, onError })
  const prepared = { isPrepared }
  return {
    query: (statement) => runStatement(pool, statement, prepared),
    afterCommit,
    reads: { query: (statement) => runOnLane(reads, statement, prepared), afterCommit },
    writes: { query: (statement) => runOnLane(writes, statement, prepared), afterCommit },
    transaction: (work, options = prepared) =>
      runTransaction(pool, work, { isPrepared: isPrepared && options.isPrepared }),
    close: async () => {
      await Promise.all([pool.end(), reads.close(), writes.close()])
    },
  }
}

function afterCommit(run: () => void): void {
  run()
}

function runOnLane<Row extends object>(lane: Lane, statement: Sql, options: StatementOptions): Promise<Row[]> {
  return lane.run<Row>(toQuery(statement, options)).catch(rethrow)
}

/** Each write waits for its commit, and several connections share the wait for the disk. */
const laneConnections = { reads: 1, writes: 4 }

/** Returns whether a statement failed because of a unique constraint. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505'
}
