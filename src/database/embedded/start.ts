import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { errorCode, StartError } from '../../errors.ts'
import { type Cluster, openCluster } from './cluster.ts'
import type { Endpoint } from './endpoint.ts'
import { lockFile, readOwner } from './file-lock.ts'
import { type Connection, reachServer, stopServer } from './server.ts'
import { prepareServiceDatabase } from './service-database.ts'

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
  /** Whether to listen on a port of 127.0.0.1 even if a socket is possible, for tests that put a proxy in between. */
  tcp?: boolean
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
  tcp = false,
}: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const stopping = new AbortController()
  const options = { dataDir: resolve(dataDir), log, settings, tcp }
  const { cluster, connection, service, locks } = await start(options, stopping.signal)
  const { endpoint, version, adopted } = connection
  log.info(
    { event: 'postgres-started', directory: cluster.directory, ...endpoint, version, adopted },
    'PostgreSQL is running',
  )

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
    url: `postgres://${service.user}:${service.password}@${encodeURIComponent(endpoint.host)}:${endpoint.port}/${service.database}?sslmode=disable`,
    directory: cluster.directory,
    version,
    adopted,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

async function start({ dataDir, log, settings, tcp }: Required<EmbeddedOptions>, signal: AbortSignal) {
  const locks = new DisposableStack()
  try {
    const lock = async (file: string) => void locks.use(await lockData(file, dataDir))
    const cluster = await openCluster(dataDir, { settings, log, lock })
    const connection = await reachServer(cluster, { tcp, signal })
    const service = await prepareServiceDatabase(connection.client, cluster).catch(async (error) => {
      await stopServer(cluster)
      throw error
    })
    return { cluster, connection, service, locks }
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

/**
 * Restarts the server, on the same endpoint, whenever the connection to it ends before `signal` aborts. Returns the last
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
    connection = await restart(cluster, first.endpoint, { log, signal })
    delayMs = Math.min(2 * delayMs + 100, 5000)
  }
}

async function restart(
  cluster: Cluster,
  endpoint: Endpoint,
  { log, signal }: { log: EmbeddedOptions['log']; signal: AbortSignal },
): Promise<Connection | undefined> {
  try {
    const connection = await reachServer(cluster, { endpoint, signal })
    log.info({ event: 'postgres-restarted', ...endpoint }, 'PostgreSQL is running again')
    return connection
  } catch (error) {
    if (!signal.aborted) log.error({ event: 'postgres-not-restarted', err: error }, 'PostgreSQL could not be restarted')
    return undefined
  }
}
