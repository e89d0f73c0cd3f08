import { statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import { Client } from 'pg'
import { StartError } from '../../errors.ts'
import { hasCode } from './atomic-folder.ts'
import { run } from './binaries.ts'
import { type Cluster, serverRole } from './cluster.ts'
import { launch } from './launch.ts'
import { findServer, folderOfProcess, type LeftServer, removePidFile } from './pid-file.ts'

/** A connection to the server's maintenance database. `ended` resolves once it is gone, for whatever reason. */
export type Connection = { client: Client; ended: Promise<void>; port: number; version: string; adopted: boolean }

/**
 * Connects to the server that runs on the data, or starts one, on `port` or on any free one.
 * @throws StartError when PostgreSQL does not start, with the line of its log that says why.
 */
export async function reachServer(
  cluster: Cluster,
  port: number | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  const giveUp = performance.now() + 10_000
  for (;;) {
    const left = await findServer(cluster.directory)
    if (left) {
      const connection = await connectToLeftServer(cluster, left, signal)
      if (connection) return connection
      await removePidFile(cluster.directory, left)
    }
    const wanted = port ?? (await getPort({ host: '127.0.0.1' }))
    const trouble = await launch(cluster, wanted, signal)
    if (!trouble) return connectToOwnServer(cluster, wanted)
    if (signal.aborted || !isPassing(trouble) || performance.now() > giveUp) {
      const reason = (await isDiskFull(cluster.directory)) ? 'its disk is full' : trouble
      throw new StartError(`PostgreSQL does not start on ${cluster.directory}: ${reason} (more in ${cluster.logFile})`)
    }
    await sleep(100)
  }
}

/** Stops the server, whoever started it: politely for 8 seconds, then at once. */
export async function stopServer({ programs, directory, user }: Cluster) {
  let cause: unknown
  for (const mode of ['fast', 'immediate']) {
    if (!(await findServer(directory))) return
    const stopping = run(programs.pg_ctl, ['stop', '-D', directory, '-m', mode, '-t', '8'], directory, user)
    cause = await stopping.catch((error) => error)
  }
  if (await findServer(directory)) throw new Error(`PostgreSQL on ${directory} does not stop`, { cause })
}

/**
 * Waits for a server that is starting, recovering or stopping for as long as it takes. Where it does not answer like
 * ours, its number may have gone to another process, and its port to another program.
 */
async function connectToLeftServer(cluster: Cluster, left: LeftServer, signal: AbortSignal) {
  const folder = await folderOfProcess(left.pid)
  if (folder && folder !== cluster.directory) return undefined

  const patience = folder ? 30_000 : 3000
  for (let giveUp = performance.now() + patience; performance.now() < giveUp; await sleep(100)) {
    signal.throwIfAborted()
    if ((await findServer(cluster.directory))?.pid !== left.pid) return undefined
    try {
      return { ...(await connect(cluster, left.port)), adopted: true }
    } catch (error) {
      if (hasCode(error, '57P03')) giveUp = performance.now() + patience // "Not yet accepting connections", or no longer.
    }
  }
  if (folder) throw new StartError(`PostgreSQL runs on ${folder}, as process ${left.pid}, but does not answer: stop it`)
  return undefined
}

async function connectToOwnServer(cluster: Cluster, port: number) {
  try {
    return { ...(await connect(cluster, port)), adopted: false }
  } catch (error) {
    await stopServer(cluster)
    throw error
  }
}

async function connect({ directory, password }: Cluster, port: number) {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: serverRole,
    password,
    database: 'postgres',
    ssl: false,
    connectionTimeoutMillis: 2000,
  })
  const ended = new Promise<void>((resolve) => client.once('end', resolve))
  client.on('error', () => {}) // Always followed by its end, which is what counts.
  await client.connect()
  const { rows } = await client.query<{ version: string; directory: string }>(
    "select current_setting('server_version') as version, current_setting('data_directory') as directory",
  )
  // A copy of a data folder brings along the password, and the port, of the original.
  if (!rows[0] || resolve(rows[0].directory) !== directory) {
    await client.end()
    throw new Error(`The server at port ${port} has other data than ${directory}`)
  }
  return { client, ended, port, version: rows[0].version }
}

/** Another start on the same data, the last breath of a killed server, or a port that was just taken. */
function isPassing(trouble: string) {
  return /lock file|shared memory block|TCP\/IP socket/.test(trouble)
}

/** The log, on the same disk, cannot always tell. */
async function isDiskFull(directory: string) {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize < 1_000_000
}
