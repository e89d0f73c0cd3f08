import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import type { Logger } from 'pino'
import { StartError } from '../../errors.ts'
import { hasCode } from './atomic-folder.ts'
import { type Cluster, openCluster, serverRole } from './cluster.ts'
import { type Connection, reachServer, stopServer } from './server.ts'

/** A PostgreSQL of our own. `url` stays valid until `stop`, also through a crash of the server. */
export type EmbeddedPostgres = {
  url: string
  /** Where the data really are: `postgres` in the data folder, or where that links to. */
  directory: string
  version: string
  /** Whether the server was already running, left behind by a service that was killed. */
  adopted: boolean
  stop(): Promise<void>
}

export type EmbeddedOptions = {
  dataDir: string
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Settings of the server beyond ours, such as `fsync: 'off'` for tests. */
  settings?: Record<string, string>
}

/**
 * Starts the PostgreSQL that npm brought, on the data in `dataDir`, and keeps it running until `stop`.
 * It outlives a service that is killed; the next start finds it and uses it.
 * @throws StartError when the data are in use by another service, or PostgreSQL cannot run on them.
 */
export async function startEmbeddedPostgres({
  dataDir,
  log,
  settings = {},
}: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const stopping = new AbortController()
  const { cluster, held } = await start(resolve(dataDir), settings, log, stopping.signal)
  const { port, version, adopted } = held
  log.info({ directory: cluster.directory, port, version, adopted }, 'PostgreSQL is running')

  const supervision = supervise(cluster, held, log, stopping.signal)
  let stopped: Promise<void> | undefined
  const stop = async () => {
    stopping.abort()
    const last = await supervision
    await stopServer(cluster)
    await last?.client.end()
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

async function start(
  dataDir: string,
  settings: Record<string, string>,
  log: EmbeddedOptions['log'],
  signal: AbortSignal,
) {
  try {
    const cluster = await openCluster(dataDir, settings, log)
    const held = await hold(cluster, undefined, signal)
    await createDatabase(cluster, held.client)
    return { cluster, held }
  } catch (error) {
    if (error instanceof StartError || !(error instanceof Error)) throw error
    // What the file system or the server refuses (a full disk, say) is the operator's to mend.
    const advice = hasCode(error, 'EPERM') ? ' (start Movie Bag as an ordinary user, or set DATABASE_URL)' : ''
    throw new StartError(`PostgreSQL cannot start on the data in ${dataDir}: ${error.message}${advice}`, {
      cause: error,
    })
  }
}

/** Reaches the server, and takes the lock that says its data are ours for as long as this connection lasts. */
async function hold(cluster: Cluster, port: number | undefined, signal: AbortSignal): Promise<Connection> {
  const connection = await reachServer(cluster, port, signal)
  try {
    await takeLock(connection.client, cluster.dataDir)
    return connection
  } catch (error) {
    await connection.client.end()
    throw error
  }
}

async function takeLock(client: Client, dataDir: string) {
  // PostgreSQL may take a moment to notice that the service which held the lock was killed.
  const deadline = performance.now() + 2000
  while (!(await tryLock(client))) {
    if (performance.now() > deadline) {
      throw new StartError(
        `Movie Bag already runs on the data in ${dataDir}: use the running one, stop it, or set DATA_DIR to another folder`,
      )
    }
    await sleep(100)
  }
}

/** Any number, but the same for ever. */
const lockKey = 6_683_938_224

async function tryLock(client: Client) {
  const { rows } = await client.query<{ taken: boolean }>(`select pg_try_advisory_lock(${lockKey}) as taken`)
  return rows[0]?.taken === true
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

/** Starts the server again, on the same port, whenever the connection that holds the lock ends before `signal`. */
async function supervise(cluster: Cluster, first: Connection, log: EmbeddedOptions['log'], signal: AbortSignal) {
  const told = once(signal, 'abort')
  let held: Connection | undefined = first
  for (let pause = 0; ; pause = Math.min(2 * pause + 100, 5000)) {
    if (held) {
      const since = performance.now()
      await Promise.race([held.ended, told])
      if (signal.aborted) return held
      log.error('PostgreSQL ended, or cut the connection that guards its data: it is started again')
      if (performance.now() - since > 60_000) pause = 0
    }
    await sleep(pause, undefined, { signal }).catch(() => {})
    if (signal.aborted) return undefined
    held = await hold(cluster, first.port, signal).catch((error) => {
      if (!signal.aborted) log.error({ err: error }, 'PostgreSQL could not be started again')
      return undefined
    })
    if (held) log.info({ port: held.port }, 'PostgreSQL is running again')
  }
}
