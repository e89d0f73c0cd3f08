import { run } from './movie-bag.ts'

// `npm start` passes SIGTERM to a shell, and some shells pass it on to nobody. Who has lost the parent stops as well.
const parent = process.ppid
const watch = setInterval(() => {
  if (process.ppid === parent) return
  clearInterval(watch)
  process.kill(process.pid, 'SIGTERM')
}, 250).unref()

process.exitCode = await run(process.argv.slice(2))
