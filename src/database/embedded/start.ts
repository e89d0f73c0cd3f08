import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import type { Logger } from 'pino'
import { errorCode, StartError } from '../../errors.ts'
import { type Cluster, openCluster, serverRole } from './cluster.ts'
import { lockFile, readOwner } from './file-lock.ts'
import { type Connection, reachServer, stopServer } from './server.ts'

/** A running embedded PostgreSQL. `url` stays valid until `stop`, even if the server crashes. */
export type EmbeddedPostgres = {
  url: string
  /** The data directory: `postgres` in the data folder, or the target of that link. */
  directory: string
  version: string
  /** Whether the server was already running, because the previous service was killed. */
  adopted: boolean
  stop(): Promise<void>
}

export type EmbeddedOptions = {
  dataDir: string
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Additional server settings, such as `fsync: 'off'` in tests. */
  settings?: Record<string, string>
}

/**
 * Starts the PostgreSQL that npm installed, on the data in `dataDir`, and keeps it running until `stop`. It outlives a
 * service that is killed, and the next start adopts it. Throws a `StartError` if another service uses the data, or if
 * PostgreSQL cannot run on it.
 */
export async function startEmbeddedPostgres({
  dataDir,
  log,
  settings = {},
}: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const stopping = new AbortController()
  const { cluster, connection, locks } = await start({ dataDir: resolve(dataDir), log, settings }, stopping.signal)
  const { port, version, adopted } = connection
  log.info({ event: 'postgres-started', directory: cluster.directory, port, version, adopted }, 'PostgreSQL is running')

  const supervision = supervise(cluster, connection, { log, signal: stopping.signal })
  let stopped: Promise<void> | undefined
  const stop = async () => {
    stopping.abort()
    const last = await supervision
    await stopServer(cluster)
    await last?.client.end()
    locks.dispose()
  }
  return {
    url: `postgres://${serverRole}:${cluster.password}@127.0.0.1:${port}/movie_bag?sslmode=disable`,
    directory: cluster.directory,
    version,
    adopted,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

async function start({ dataDir, log, settings }: Required<EmbeddedOptions>, signal: AbortSignal) {
  const locks = new DisposableStack()
  try {
    const lock = async (file: string) => void locks.use(await lockData(file, dataDir))
    const cluster = await openCluster(dataDir, { settings, log, lock })
    const connection = await reachServer(cluster, { signal })
    await createDatabase(cluster, connection.client)
    return { cluster, connection, locks }
  } catch (error) {
    locks.dispose()
    if (error instanceof StartError || !(error instanceof Error)) throw error
    // Errors of the file system or the server, such as a full disk, are for the operator to solve.
    const advice = errorCode(error) === 'EPERM' ? ' (start Movie Bag as an ordinary user, or set DATABASE_URL)' : ''
    throw new StartError(`PostgreSQL cannot start on the data in ${dataDir}: ${error.message}${advice}`, {
      cause: error,
    })
  }
}

async function lockData(file: string, dataDir: string) {
  const lock = await lockFile(file)
  if (lock) return lock
  throw new StartError(
    `Movie Bag is already running on the data in ${dataDir} (${await readOwner(file)}). Use that one, stop it, or set DATA_DIR to another folder.`,
  )
}

async function createDatabase(cluster: Cluster, client: Client) {
  try {
    const { rowCount } = await client.query("select from pg_database where datname = 'movie_bag'")
    if (rowCount === 0) await client.query('create database movie_bag')
  } catch (error) {
    await stopServer(cluster)
    throw error
  }
}

/**
 * Restarts the server, on the same port, whenever the connection to it ends before `signal` aborts. Returns the last
 * connection, if there is one.
 */
async function supervise(
  cluster: Cluster,
  first: Connection,
  { log, signal }: { log: EmbeddedOptions['log']; signal: AbortSignal },
): Promise<Connection | undefined> {
  const aborted = once(signal, 'abort')
  let connection: Connection | undefined = first
  let delayMs = 0
  while (true) {
    if (connection) {
      const since = performance.now()
      await Promise.race([connection.ended, aborted])
      if (signal.aborted) return connection
      log.error({ event: 'postgres-ended' }, 'PostgreSQL exited or closed our connection; restarting')
      if (performance.now() - since > 60_000) delayMs = 0
    }
    await sleep(delayMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return undefined
    connection = await restart(cluster, first.port, { log, signal })
    delayMs = Math.min(2 * delayMs + 100, 5000)
  }
}

async function restart(
  cluster: Cluster,
  port: number,
  { log, signal }: { log: EmbeddedOptions['log']; signal: AbortSignal },
): Promise<Connection | undefined> {
  try {
    const connection = await reachServer(cluster, { port, signal })
    log.info({ event: 'postgres-restarted', port }, 'PostgreSQL is running again')
    return connection
  } catch (error) {
    if (!signal.aborted) log.error({ event: 'postgres-not-restarted', err: error }, 'PostgreSQL could not be restarted')
    return undefined
  }
}
