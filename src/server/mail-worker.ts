import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { accountMessages } from '../account-settings/mails.ts'
import type { Config } from '../config/config.ts'
import { openDatabase } from '../database/database.ts'
import { startDelivery } from '../mail/delivery.ts'
import { openMailTemplates } from '../mail/render.ts'
import { mailServer } from '../mail/smtp.ts'
import { recoveryMessages } from '../recovery/mails.ts'
import { createLogger, type Logger } from './logger.ts'
import { startPurge } from './purge.ts'

/** What a worker needs to run: the settings, with the database that is really used. */
export type WorkerSettings = Config & { databaseUrl: string }

/** The mail worker: who writes which mail, and the loop that sends them. It runs beside the requests, never among them. */
export function startWorker(config: WorkerSettings, log: Logger): { stop: () => Promise<void> } {
  const server = mailServer(config)
  const db = openDatabase(config.databaseUrl, {
    connections: server.connections + 1,
    onError: (error) => log.warn({ err: error }, 'A connection of the mail worker to the database was lost'),
  })
  const render = openMailTemplates(config)
  const delivery = startDelivery(
    db,
    server,
    { ...accountMessages(db, config, render), ...recoveryMessages(db, config, render) },
    log,
  )
  const purge = startPurge(db, log)
  return {
    stop: async () => {
      await purge.stop()
      await delivery.stop()
      await db.close()
    },
  }
}

if (!isMainThread && parentPort) {
  const config: WorkerSettings = workerData
  const worker = startWorker(config, await createLogger(config))
  parentPort.once('message', () => worker.stop().then(() => process.exit(0)))
}
