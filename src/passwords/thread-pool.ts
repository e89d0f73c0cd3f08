import { availableParallelism } from 'node:os'

/**
 * Enlarges libuv's thread pool, which hashing shares with files, compression and DNS: a thread per core for hashing,
 * and four more. Has no effect if the operator set its size, or once the process has used the pool.
 */
export function enlargeThreadPool(): void {
  // On Windows, libuv does not see variables that the process sets itself.
  if (process.platform !== 'win32') process.env['UV_THREADPOOL_SIZE'] ||= String(availableParallelism() + 4)
}

/**
 * Returns how many passwords to hash at a time: one per core, because more would only make each slower, as long as that
 * leaves at least two threads of the pool to everything else.
 */
export function hashingThreads({ cores = availableParallelism(), poolSize = threadPoolSize() } = {}): number {
  return Math.max(1, Math.min(cores, poolSize - 2))
}

/** Reads the variable as libuv does: 4 threads if it is unset, and at least one. */
function threadPoolSize(): number {
  const size = process.env['UV_THREADPOOL_SIZE']
  return size === undefined ? 4 : Math.max(1, Number.parseInt(size, 10) || 1)
}
