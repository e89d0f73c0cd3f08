import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import {
  writeAccountDeleted,
  writeEmailChanged,
  writeEmailConfirmation,
  writeNewDevice,
  writePasswordChanged,
} from '../account-settings/mails.ts'
import type { Config } from '../config/config.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { startDelivery } from '../mail/delivery.ts'
import { openMailTemplates } from '../mail/render.ts'
import { mailServer } from '../mail/smtp.ts'
import type { MailWriters } from '../mail/write.ts'
import { writePasswordReset, writeResetMail } from '../recovery/mails.ts'
import { writeVerification } from '../sign-up/mails.ts'
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
  const delivery = startDelivery(db, server, mailWriters(db, config), log)
  const purge = startPurge(db, log)
  return {
    stop: async () => {
      await purge.stop()
      await delivery.stop()
      await db.close()
    },
  }
}

function mailWriters(db: Database, config: WorkerSettings): MailWriters {
  const context = { ...config, db, render: openMailTemplates(config) }
  return {
    'reset-password': (mail) => writeResetMail(context, mail),
    'password-reset-successful': (mail) => writePasswordReset(context, mail),
    'verify-address': (mail) => writeVerification(context, mail),
    'confirm-address': (mail) => writeEmailConfirmation(context, mail),
    'address-changed': (mail) => writeEmailChanged(context, mail),
    'password-changed': (mail) => writePasswordChanged(context, mail),
    'new-device': (mail) => writeNewDevice(context, mail),
    'account-deleted': (mail) => writeAccountDeleted(context, mail),
  }
}

if (!isMainThread && parentPort) {
  const config: WorkerSettings = workerData
  const worker = startWorker(config, await createLogger(config))
  parentPort.once('message', () => worker.stop().then(() => process.exit(0)))
}
