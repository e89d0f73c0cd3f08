import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { findErrorLine, serverEnvironment } from './binaries.ts'
import type { Cluster } from './cluster.ts'
import { type Endpoint, isSocket, socketFile } from './endpoint.ts'
import { findServer, readPidFile } from './pid-file.ts'

/**
 * Starts a server and waits until it accepts connections, which after a crash includes its recovery. Returns undefined, or
 * the reason if the server exited. Does not use pg_ctl, because its shell leaves an orphan that containers do not reap, so
 * that a dead server would look alive.
 */
export async function launch(cluster: Cluster, endpoint: Endpoint, signal: AbortSignal) {
  const { binaries, directory, user, logFile } = cluster
  const log = await openLog(logFile)
  const { size } = await log.stat()
  // When a killed container starts again, the server may get the same process id as the old one.
  const stale = await readPidFile(directory)
  await removeStaleSocket(endpoint)
  try {
    const server = spawn(binaries.postgres, ['-D', directory, ...serverSettings(cluster, endpoint)], {
      cwd: directory,
      env: serverEnvironment,
      detached: true, // Ctrl-C in the terminal must not stop it.
      windowsHide: true,
      stdio: ['ignore', log.fd, log.fd],
      ...user,
    })
    server.unref()
    await once(server, 'spawn')
    while (server.exitCode === null && server.signalCode === null) {
      const found = await findServer(directory)
      if (found?.ready && found.pid === server.pid && found.text !== stale) return undefined
      if (signal.aborted) server.kill('SIGQUIT')
      await sleep(10)
    }
    return findErrorLine((await readFile(logFile)).subarray(size).toString()) || 'it exited without an error message'
  } finally {
    await log.close()
  }
}

async function openLog(file: string) {
  const tooLarge = await stat(file).then(
    ({ size }) => size > 1_000_000,
    () => false,
  )
  if (tooLarge) await rename(file, `${file}.1`)
  return open(file, 'a', 0o600)
}

/** A copied data folder includes the original's socket and its lock file, which names a server that is running. */
async function removeStaleSocket(endpoint: Endpoint) {
  if (!isSocket(endpoint)) return
  const file = socketFile(endpoint)
  await Promise.all([file, `${file}.lock`].map((name) => rm(name, { force: true })))
}

function serverSettings({ settings }: Cluster, endpoint: Endpoint) {
  const ours = {
    listen_addresses: isSocket(endpoint) ? '' : endpoint.host,
    port: String(endpoint.port),
    unix_socket_directories: isSocket(endpoint) ? endpoint.host : '',
    log_error_verbosity: 'terse', // More would log email addresses.
    log_checkpoints: 'off',
  }
  return Object.entries({ ...ours, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
