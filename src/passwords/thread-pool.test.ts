import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { hashingThreads } from './thread-pool.ts'

test('hashing leaves two threads of the pool to files, compression and DNS, and never takes more than one per core', () => {
  for (let cores = 1; cores <= 64; cores += 1) {
    for (let poolSize = 1; poolSize <= 128; poolSize += 1) {
      const threads = hashingThreads({ cores, poolSize })
      assert(threads >= 1 && threads <= cores, `${threads} of ${cores} cores`)
      if (poolSize >= 3) assert(poolSize - threads >= 2, `${threads} of ${poolSize} threads`)
    }
  }
})

test('the command enlarges the pool before anything uses it, and keeps the size that the operator set', async () => {
  const cores = availableParallelism()
  assert.deepEqual(await poolOf({}), { size: String(cores + 4), threads: cores + 4, hashing: cores })
  assert.deepEqual(await poolOf({ UV_THREADPOOL_SIZE: '3' }), { size: '3', threads: 3, hashing: 1 })
})

/** Runs the command in a process that then uses the pool, and returns the size of the pool, set and real. */
async function poolOf(env: Record<string, string>) {
  const program = `
    import { stat, readdir, readFile } from 'node:fs/promises'
    process.argv = [process.execPath, 'movie-bag', '--version']
    await import(${JSON.stringify(join(import.meta.dirname, '../cli/main.ts'))})
    const { hashingThreads } = await import(${JSON.stringify(join(import.meta.dirname, 'thread-pool.ts'))})
    await stat('/')
    const tasks = process.platform === 'linux' ? await readdir('/proc/self/task') : []
    const names = await Promise.all(tasks.map((task) => readFile('/proc/self/task/' + task + '/comm', 'utf8')))
    const size = process.env.UV_THREADPOOL_SIZE
    // Only Linux tells what a thread is for.
    const threads = tasks.length ? names.filter((name) => name.startsWith('libuv-worker')).length : Number(size)
    console.log(JSON.stringify({ size, threads, hashing: hashingThreads() }))`
  const { PATH } = process.env
  const args = ['--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { PATH, ...env } })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}
