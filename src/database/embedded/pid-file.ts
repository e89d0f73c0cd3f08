import { readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../errors.ts'
import type { Endpoint } from './endpoint.ts'

/** The contents of postmaster.pid. The server may be running; after a crash of the machine, all of this may be wrong. */
export type RecordedServer = Endpoint & { text: string; pid: number; ready: boolean }

/** Returns the server that seems to run on the data in `directory`, without connecting to it. */
export async function findServer(directory: string): Promise<RecordedServer | undefined> {
  const text = await readPidFile(directory)
  if (text === undefined) return undefined
  const lines = text.split('\n')
  const pid = Number(lines[0]) || 0
  if (pid > 0 && !isAlive(pid)) return undefined
  const host = lines[4] || lines[5] || ''
  return { text, pid, host, port: Number(lines[3]) || 0, ready: lines[7]?.trim() === 'ready' }
}

export async function readPidFile(directory: string) {
  try {
    return await readFile(join(directory, 'postmaster.pid'), 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Removes a stale postmaster.pid, which would keep PostgreSQL from starting. If that server is running after all, its
 * shared memory still prevents a second server from using the data.
 */
export async function removePidFile(directory: string, recorded: RecordedServer) {
  if ((await readPidFile(directory)) === recorded.text) await rm(join(directory, 'postmaster.pid'), { force: true })
}

/** Returns the working directory of a process, for PostgreSQL its data directory; undefined except on Linux. */
export function readWorkingDirectory(pid: number) {
  return readlink(`/proc/${pid}/cwd`).catch(() => undefined)
}

/** Another user's process counts as dead, as it does for PostgreSQL: it cannot be our server. */
function isAlive(pid: number) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
