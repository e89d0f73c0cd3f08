import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { StartError } from '../errors.ts'
import { connectToDatabase, type WaitOptions } from './connect.ts'

const directory = join(import.meta.dirname, '../../migrations')

/**
 * Updates the database schema: runs the files of `migrations/` that have not run yet, by name, each in a transaction. Any
 * number of processes may call it concurrently. Returns the names of the files it ran. Throws a `StartError` if a newer
 * release has migrated the database, if a file was edited after it ran, or if the database cannot be reached or written.
 */
export async function migrate(url: string, options: WaitOptions): Promise<string[]> {
  const client = await connectToDatabase(url, options)
  try {
    return await runPending(client)
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && operatorErrors.includes(error.code ?? ''))) throw error
    throw new StartError(
      `The database ${client.database} cannot be migrated by user ${client.user}: ${error.message}.`,
      {
        cause: error,
      },
    )
  } finally {
    await client.end()
  }
}

/**
 * Problems that the operator can solve: no permission to create tables (since PostgreSQL 15 only the database's owner has
 * it), a standby, a full disk, or another program's tables.
 */
const operatorErrors = ['42501', '25006', '53100', '42P07', '0A000']

async function runPending(client: pg.Client): Promise<string[]> {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  const ran: string[] = []
  let hasMore = true
  while (hasMore) {
    const name = await runNext(client, files)
    if (name === undefined) hasMore = false
    else ran.push(name)
  }
  return ran
}

/**
 * Runs the first file that has not run yet, and returns its name. Holds a lock for the transaction, and not for the
 * database session, which a pooler may share.
 */
async function runNext(client: pg.Client, files: string[]): Promise<string | undefined> {
  // A migration takes as long as it takes, whatever limits the role or the database has.
  await client.query(
    'begin isolation level read committed; set local statement_timeout = 0; set local lock_timeout = 0',
  )
  await client.query("select pg_advisory_xact_lock(hashtext('movie-bag migrations'))")
  await client.query(`create table if not exists migrations (
    name text primary key, sha256 text not null, ran_at timestamptz not null default now())`)
  const { rows } = await client.query<{ name: string; sha256: string }>('select name, sha256 from migrations')
  const next = findNext(files, new Map(rows.map((row) => [row.name, row.sha256])))
  if (next) {
    await client.query(next.text)
    await client.query('insert into migrations (name, sha256) values ($1, $2)', [next.name, next.sha256])
  }
  await client.query('commit')
  return next?.name
}

type Migration = { name: string; text: string; sha256: string }

/** `done` has the SHA-256 of each file that has run. */
function findNext(files: string[], done: Map<string, string>): Migration | undefined {
  const newer = [...done.keys()].find((name) => !files.includes(name))
  if (newer)
    throw new StartError(`The database was migrated by a newer release (${newer}). Start that release instead.`)
  for (const name of files) {
    const text = readFileSync(join(directory, name), 'utf8').replaceAll('\r\n', '\n')
    const sha256 = createHash('sha256').update(text).digest('hex')
    const known = done.get(name)
    if (known === undefined) return { name, text, sha256 }
    if (known !== sha256)
      throw new StartError(`migrations/${name} was edited after it ran. Restore it, and add a new file instead.`)
  }
  return undefined
}
