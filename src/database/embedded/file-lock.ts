import { chmodSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../../errors.ts'

type Lock = Disposable

/**
 * Locks a file until the lock is disposed of or the process ends, in any way. The lock is that of a SQLite transaction,
 * which the kernel keeps with the file: it holds between containers that share a volume, and between
 * machines if their network file system supports locks. Waits two seconds for a process that is stopping. Returns
 * undefined if the file stays locked. Throws a `StartError` if it cannot be locked at all.
 */
export async function lockFile(file: string): Promise<Lock | undefined> {
  const deadline = performance.now() + 2000
  while (performance.now() < deadline) {
    const lock = tryLock(file)
    if (lock) {
      await writeFile(ownerFile(file), `process ${process.pid} on ${hostname()}`, { mode: 0o600 })
      return lock
    }
    await sleep(100)
  }
  return undefined
}

/** Returns the process that locked the file last, for people to read. */
export function readOwner(file: string): Promise<string> {
  return readFile(ownerFile(file), 'utf8').catch(() => 'another process')
}

function ownerFile(file: string): string {
  return `${file}.owner`
}

function tryLock(file: string): Lock | undefined {
  try {
    const db = new DatabaseSync(file, { timeout: 0 })
    try {
      db.exec('pragma journal_mode = memory; begin exclusive')
      chmodSync(file, 0o600)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  } catch (error) {
    if (isBusy(error)) return undefined
    throw new StartError(`${file} cannot be locked: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

/** SQLITE_BUSY, also with the extended codes of its higher bits. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5
}
