// Runs the mail worker in a thread until the thread receives the message to stop.
import { parentPort, workerData } from 'node:worker_threads'
import { announceMail } from '../mail/wake.ts'
import { createLogger } from './logger.ts'
import { startMailWorker } from './mail-worker.ts'
import type { ThreadSettings } from './start-mail-worker-thread.ts'

const settings: ThreadSettings = workerData
const worker = startMailWorker(settings, await createLogger(settings))
parentPort?.on('message', async (message: 'mail queued' | 'stop') => {
  if (message === 'mail queued') return announceMail()
  await worker.stop()
  process.exit(0)
})
