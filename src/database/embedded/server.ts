import { statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { errorCode, StartError } from '../../errors.ts'
import { run } from './binaries.ts'
import { adminRole, type Cluster } from './cluster.ts'
import { chooseEndpoint, type Endpoint } from './endpoint.ts'
import { launch } from './launch.ts'
import { findServer, type RecordedServer, readWorkingDirectory, removePidFile } from './pid-file.ts'

/** A connection to the server's maintenance database. `ended` resolves when it ends, for any reason. */
export type Connection = {
  client: Client
  ended: Promise<void>
  endpoint: Endpoint
  version: string
  adopted: boolean
}

type ServerOptions = { endpoint?: Endpoint; tcp?: boolean; signal: AbortSignal }

/**
 * Connects to the server that runs on the data, or starts one, which listens on `endpoint` if given. Throws a `StartError`
 * with the reason from its log if PostgreSQL does not start.
 */
export async function reachServer(
  cluster: Cluster,
  { endpoint, tcp = false, signal }: ServerOptions,
): Promise<Connection> {
  const deadline = performance.now() + 10_000
  while (true) {
    const running = await connectToRunningServer(cluster, signal)
    if (running) return running
    const chosen = endpoint ?? (await chooseEndpoint(cluster.directory, { tcp }))
    const problem = await launch(cluster, chosen, signal)
    if (!problem) return connectToOwnServer(cluster, chosen)
    if (signal.aborted || !isTemporary(problem) || performance.now() > deadline) {
      const reason = (await isDiskFull(cluster.directory)) ? 'its disk is full' : problem
      throw new StartError(`PostgreSQL cannot start on ${cluster.directory}: ${reason} (see ${cluster.logFile})`)
    }
    await sleep(100)
  }
}

/** Returns undefined if there is no server, and removes a stale pid file. */
async function connectToRunningServer(cluster: Cluster, signal: AbortSignal): Promise<Connection | undefined> {
  const recorded = await findServer(cluster.directory)
  if (!recorded) return undefined
  const connection = await connectToRecordedServer(cluster, recorded, signal)
  if (!connection) await removePidFile(cluster.directory, recorded)
  return connection
}

/** Stops the server, even if another service started it: fast shutdown for 8 seconds, then an immediate one. */
export async function stopServer({ binaries, directory, user }: Cluster) {
  let cause: unknown
  for (const mode of ['fast', 'immediate']) {
    if (!(await findServer(directory))) return
    const stopping = run(binaries.pg_ctl, ['stop', '-D', directory, '-m', mode, '-t', '8'], { cwd: directory, user })
    cause = await stopping.catch((error) => error)
  }
  if (await findServer(directory)) throw new Error(`PostgreSQL on ${directory} did not stop`, { cause })
}

/**
 * Waits as long as the server is starting, recovering or stopping. Returns undefined if it does not respond like ours: its
 * process id and port may belong to another program by now.
 */
async function connectToRecordedServer(cluster: Cluster, recorded: RecordedServer, signal: AbortSignal) {
  const folder = await readWorkingDirectory(recorded.pid)
  if (folder && folder !== cluster.directory) return undefined

  const maxWaitMs = folder ? 30_000 : 3000
  let deadline = performance.now() + maxWaitMs
  while (performance.now() < deadline) {
    signal.throwIfAborted()
    if ((await findServer(cluster.directory))?.pid !== recorded.pid) return undefined
    try {
      return { ...(await connect(cluster, recorded)), adopted: true }
    } catch (error) {
      // It is starting or stopping.
      if (errorCode(error) === '57P03') deadline = performance.now() + maxWaitMs
    }
    await sleep(100)
  }
  if (!folder) return undefined
  throw new StartError(`PostgreSQL runs on ${folder} as process ${recorded.pid}, but does not respond. Stop it`)
}

async function connectToOwnServer(cluster: Cluster, endpoint: Endpoint) {
  try {
    return { ...(await connect(cluster, endpoint)), adopted: false }
  } catch (error) {
    await stopServer(cluster)
    throw error
  }
}

async function connect({ directory, password }: Cluster, { host, port }: Endpoint) {
  const client = new Client({
    host,
    port,
    user: adminRole,
    password,
    database: 'postgres',
    ssl: false,
    connectionTimeoutMillis: 2000,
  })
  const ended = new Promise<void>((resolve) => client.once('end', resolve))
  client.on('error', () => {}) // `end` follows, and that is handled.
  await client.connect()
  const { rows } = await client.query<{ version: string; directory: string }>(
    "select current_setting('server_version') as version, current_setting('data_directory') as directory",
  )
  // A copied data folder includes the original's password and port.
  if (!rows[0] || resolve(rows[0].directory) !== directory) {
    await client.end()
    throw new Error(`The server on ${host}:${port} does not use the data in ${directory}`)
  }
  return { client, ended, endpoint: { host, port }, version: rows[0].version }
}

/** Another start on the same data, a killed server that is still exiting, or a port that was just taken. */
function isTemporary(problem: string) {
  return /lock file|shared memory block|TCP\/IP socket/.test(problem)
}

/** The log is on the same disk, so the error may be missing from it. */
async function isDiskFull(directory: string) {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize < 1_000_000
}
