// Runs the mail worker in a thread until the thread receives a message.
import { parentPort, workerData } from 'node:worker_threads'
import { createLogger } from './logger.ts'
import { startMailWorker } from './mail-worker.ts'
import type { ThreadSettings } from './start-mail-worker-thread.ts'

const settings: ThreadSettings = workerData
const worker = startMailWorker(settings, await createLogger(settings))
parentPort?.once('message', async () => {
  await worker.stop()
  process.exit(0)
})
