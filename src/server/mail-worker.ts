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
import { writeWrongPasswords } from '../sessions/mails.ts'
import { writeVerification } from '../sign-up/mails.ts'
import type { Logger } from './logger.ts'
import { startPurge } from './purge.ts'

/** The settings of the mail worker, with the URL of the database in use, which may be the embedded one. */
export type MailWorkerSettings = { databaseUrl: string } & Pick<
  Config,
  | 'production'
  | 'databasePrepare'
  | 'mail'
  | 'templatesDir'
  | 'publicUrl'
  | 'defaultLocale'
  | 'resetTokenTtlMs'
  | 'unknownAddressMail'
>

/** Starts sending mail and purging old rows, on its own database connections. */
export function startMailWorker(
  settings: MailWorkerSettings,
  log: Logger,
  server = mailServer(settings, { log }),
): { stop: () => Promise<void> } {
  const db = openDatabase(settings.databaseUrl, {
    connections: server.connections + 1,
    isPrepared: settings.databasePrepare,
    onError: (err) => log.warn({ event: 'connection-lost', err }, 'The mail worker lost a connection to the database'),
  })
  const delivery = startDelivery({ db, server, writers: mailWriters(db, settings), log })
  const purge = startPurge(db, log)
  return {
    stop: async () => {
      await purge.stop()
      await delivery.stop()
      await db.close()
    },
  }
}

function mailWriters(db: Database, settings: MailWorkerSettings): MailWriters {
  const { production, publicUrl, defaultLocale, resetTokenTtlMs, unknownAddressMail } = settings
  const context = { db, render: openMailTemplates(settings), publicUrl, defaultLocale }
  return {
    'verify-address': (mail) => writeVerification(context, mail),
    'reset-password': (mail) => writeResetMail({ ...context, production, resetTokenTtlMs, unknownAddressMail }, mail),
    'password-reset-successful': (mail) => writePasswordReset(context, mail),
    'password-changed': (mail) => writePasswordChanged(context, mail),
    'wrong-passwords': (mail) => writeWrongPasswords(context, mail),
    'new-device': (mail) => writeNewDevice(context, mail),
    'confirm-address': (mail) => writeEmailConfirmation(context, mail),
    'address-changed': (mail) => writeEmailChanged(context, mail),
    'account-deleted': (mail) => writeAccountDeleted(context, mail),
  }
}
