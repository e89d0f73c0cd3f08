import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorLine, serverEnvironment } from './binaries.ts'
import type { Cluster } from './cluster.ts'
import { findServer, readPidFile } from './pid-file.ts'

/**
 * Starts a server and waits until it takes connections, which after a crash includes its recovery.
 * Without pg_ctl: that goes through a shell, and leaves behind an orphan, which in a container nobody reaps; a dead
 * server would look alive for ever.
 * @returns why it ended instead
 */
export async function launch(cluster: Cluster, port: number, signal: AbortSignal) {
  const { programs, directory, user, logFile } = cluster
  const log = await openLog(logFile)
  const { size } = await log.stat()
  // In a container that was killed and starts anew, the server may get the very process id that the old one had.
  const stale = await readPidFile(directory)
  try {
    const server = spawn(programs.postgres, ['-D', directory, ...serverSettings(cluster, port)], {
      cwd: directory,
      env: serverEnvironment,
      detached: true, // A Ctrl-C in the terminal is not meant for it.
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
    return errorLine((await readFile(logFile)).subarray(size).toString()) || 'it ended without a word'
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

function serverSettings({ settings }: Cluster, port: number) {
  const ours = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    log_error_verbosity: 'terse', // The rest would quote people's addresses.
    log_checkpoints: 'off',
  }
  return Object.entries({ ...ours, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
