import { enlargeThreadPool } from '../passwords/thread-pool.ts'
import { run } from './movie-bag.ts'

enlargeThreadPool()

// Stops when the parent exits: `npm start` sends SIGTERM to a shell, and some shells do not pass it on.
const parent = process.ppid
const watch = setInterval(() => {
  if (process.ppid === parent) return
  clearInterval(watch)
  process.kill(process.pid, 'SIGTERM')
}, 250).unref()

process.exitCode = await run(process.argv.slice(2))
