import type { Logger } from 'pino'
import type { ClaimedMail } from './mail.ts'
import type { Outcome } from './outbox.ts'

/** What the log hears of the delivery: what changes, once, and not every mail or attempt that suffers from it. */
export function deliveryLog(log: Logger) {
  let trouble: string | undefined
  let isCutOff = false
  let isPuttingOff = false

  return {
    logServerState(now: string | undefined): void {
      if (now && now !== trouble) log.warn(`Mail waits and is sent later. ${now}`)
      if (!now && trouble) log.info('The mail server answers again, and waiting mail is sent')
      trouble = now
    },

    logDatabaseDown(error: unknown): void {
      if (!isCutOff) log.error({ err: error }, 'The outbox cannot be reached, so mail waits')
      isCutOff = true
    },

    logDatabaseUp(): void {
      if (isCutOff) log.info('The outbox is reached again')
      isCutOff = false
    },

    mailIs({ id, kind }: ClaimedMail, { state, reply }: Outcome): void {
      const about = { mail: id, kind, reply }
      if (state === 'failed') log.error(about, 'A mail failed for good')
      else if (state === 'deferred' && !isPuttingOff) log.warn(about, 'A mail is put off, to be tried again')
      else log.debug(about, `A mail is ${state}`)
      if (state === 'deferred') isPuttingOff = true
      if (state === 'sent') isPuttingOff = false
    },
  }
}
