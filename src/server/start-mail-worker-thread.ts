import { once } from 'node:events'
import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Config } from '../config/config.ts'
import { onMailQueued } from '../mail/wake.ts'
import type { Logger } from './logger.ts'
import type { MailWorkerSettings } from './mail-worker.ts'

export type ThreadSettings = MailWorkerSettings & Pick<Config, 'logLevel'>

/** Starts the mail worker in a thread, so that its work never delays a request. A thread that dies is replaced. */
export function startMailWorkerThread(settings: ThreadSettings, log: Logger): { stop: () => Promise<void> } {
  const file = new URL(`./mail-worker-thread${extname(import.meta.filename)}`, import.meta.url)
  const workerData = pickSettings(settings)
  const { JWT_SECRET_KEY: _, ...env } = process.env
  let isStopping = false
  let thread = start()

  function start(): Worker {
    const worker = new Worker(file, { workerData, env })
    worker.on('error', (err) => log.error({ event: 'mail-worker-died', err }, 'The mail worker died'))
    worker.on('exit', async () => {
      if (isStopping) return
      await sleep(1000)
      if (!isStopping) thread = start()
    })
    return worker
  }
  const stopListening = onMailQueued(oncePerPause(() => thread.postMessage('mail queued')))
  return {
    stop: async () => {
      stopListening()
      isStopping = true
      if (thread.threadId === -1) return
      const exit = once(thread, 'exit')
      thread.postMessage('stop')
      await exit
    },
  }
}

/**
 * Calls `wake` once for all calls within some milliseconds. Their number is random, so that what the worker does about a
 * mail does not fall into a certain time after the request that queued it.
 */
function oncePerPause(wake: () => void): () => void {
  let isWaiting = false
  return () => {
    if (isWaiting) return
    isWaiting = true
    setTimeout(
      () => {
        isWaiting = false
        wake()
      },
      10 + 50 * Math.random(),
    ).unref()
  }
}

/** The thread gets no other settings, in particular not JWT_SECRET_KEY. */
function pickSettings(settings: ThreadSettings): ThreadSettings {
  const { databaseUrl, mail, templatesDir, publicUrl, defaultLocale, resetTokenTtlMs, unknownAddressMail } = settings
  const { production, databasePrepare, logLevel } = settings
  return {
    databaseUrl,
    mail,
    templatesDir,
    publicUrl,
    defaultLocale,
    resetTokenTtlMs,
    unknownAddressMail,
    production,
    databasePrepare,
    logLevel,
  }
}
