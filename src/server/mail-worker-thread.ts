import { once } from 'node:events'
import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Logger } from './logger.ts'
import type { WorkerSettings } from './mail-worker.ts'

/** The mail worker in a thread of its own, so that its work never delays a request. Should it die, another takes over. */
export function startWorkerThread(settings: WorkerSettings, log: Logger): { stop: () => Promise<void> } {
  const file = new URL(`./mail-worker${extname(import.meta.filename)}`, import.meta.url)
  let isStopping = false
  let thread = start()

  function start(): Worker {
    const worker = new Worker(file, { workerData: settings })
    worker.on('error', (error) => log.error({ err: error }, 'The mail worker died'))
    worker.on('exit', async () => {
      if (isStopping) return
      await sleep(1000)
      if (!isStopping) thread = start()
    })
    return worker
  }
  return {
    stop: async () => {
      isStopping = true
      if (thread.threadId === -1) return
      const exit = once(thread, 'exit')
      thread.postMessage('stop')
      await exit
    },
  }
}
