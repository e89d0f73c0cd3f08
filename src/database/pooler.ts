import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { StartError } from '../errors.ts'
import { isStale } from './statement.ts'

/**
 * Throws a `StartError` if statements cannot be prepared, because a pooler in front of the database gives each transaction
 * whichever server connection is free, and does not prepare the statement on that one too.
 */
export async function checkPooler(url: string): Promise<void> {
  const [first, second] = await Promise.all([connect(url), connect(url)])
  try {
    const { rows } = await first.query<{ pid: number }>('select pg_backend_pid() as pid')
    // A pooler gives its connections process IDs of its own.
    if (rows[0]?.pid === (first as pg.Client & { processID: number }).processID) return
    const statement = { name: `movie-bag ${randomUUID()}`, text: 'select' }
    await first.query(statement)
    // This takes the server connection that the first has just returned.
    await second.query('begin')
    await first.query(statement)
  } catch (error) {
    if (isStale(error)) throw new StartError(doesNotKeep)
    // With a single connection to the server, the pooler lets the first wait for the second.
    if (!(error instanceof Error && error.message === 'Query read timeout')) throw error
  } finally {
    await Promise.all([first.end(), second.end()])
  }
}

const doesNotKeep =
  'DATABASE_URL leads to a pooler that shares connections between transactions and does not keep prepared statements: set DATABASE_PREPARE=off, or let the pooler keep them (PgBouncer 1.21 and newer: max_prepared_statements), or use session pooling.'

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000, query_timeout: 3000 })
  client.on('error', () => {})
  await client.connect()
  return client
}
