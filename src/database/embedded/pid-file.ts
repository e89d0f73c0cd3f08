import { readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from './atomic-folder.ts'

/** What postmaster.pid says of a server that may be alive. After a crash of the machine all of it may be nonsense. */
export type LeftServer = { text: string; pid: number; port: number; ready: boolean }

/** The server that runs on the data in `directory`, as far as one can tell without asking it. */
export async function findServer(directory: string): Promise<LeftServer | undefined> {
  const text = await readPidFile(directory)
  if (text === undefined) return undefined
  const lines = text.split('\n')
  const pid = Number(lines[0]) || 0
  if (pid > 0 && !isAlive(pid)) return undefined
  return { text, pid, port: Number(lines[3]) || 0, ready: lines[7]?.trim() === 'ready' }
}

export async function readPidFile(directory: string) {
  try {
    return await readFile(join(directory, 'postmaster.pid'), 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/**
 * Removes a postmaster.pid that PostgreSQL would otherwise take for that of a running server. Were it one after all,
 * the memory it shares under the name of the folder would still keep a second server off the data.
 */
export async function removePidFile(directory: string, left: LeftServer) {
  if ((await readPidFile(directory)) === left.text) await rm(join(directory, 'postmaster.pid'), { force: true })
}

/** The folder that a process works in, which for PostgreSQL is that of its data; undefined except on Linux. */
export function folderOfProcess(pid: number) {
  return readlink(`/proc/${pid}/cwd`).catch(() => undefined)
}

/** A process of another user counts as dead, as it does for PostgreSQL: it cannot be our server. */
function isAlive(pid: number) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
