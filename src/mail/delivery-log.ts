import type { Logger } from 'pino'
import type { ClaimedMail } from './mail.ts'
import type { Outcome } from './outbox.ts'

export type DeliveryLog = ReturnType<typeof deliveryLog>

/** Mail servers quote the recipient in their replies. The outbox keeps the reply as it is. */
function maskEmails(reply: string): string {
  return reply.replace(/[^\s<>"'(),;:]+@[^\s<>"'(),;:]+/g, '[email address]')
}

/** Logs changes in the state of delivery rather than every mail or attempt that an outage affects. */
export function deliveryLog(log: Logger) {
  let serverProblem: string | undefined
  let databaseIsDown = false
  let isDeferring = false

  return {
    serverState(problem: string | undefined): void {
      if (problem && problem !== serverProblem) {
        log.warn({ event: 'mail-server-down' }, `The mail server is unavailable; mail will be sent later. ${problem}`)
      }
      if (!problem && serverProblem) log.info({ event: 'mail-server-up' }, 'The mail server is back; sending mail')
      serverProblem = problem
    },

    databaseDown(error: unknown): void {
      if (!databaseIsDown)
        log.error({ event: 'outbox-down', err: error }, 'The outbox cannot be reached; mail will be sent later')
      databaseIsDown = true
    },

    databaseUp(): void {
      if (databaseIsDown) log.info({ event: 'outbox-up' }, 'The outbox can be reached again')
      databaseIsDown = false
    },

    mailOutcome({ id, kind }: ClaimedMail, { state, reply }: Outcome): void {
      const fields = { event: `mail-${state.replace(' ', '-')}`, mail: id, kind, reply: reply && maskEmails(reply) }
      if (state === 'failed') log.error(fields, 'A mail failed permanently')
      else if (state === 'deferred' && !isDeferring) log.warn(fields, 'A mail was deferred')
      else log.debug(fields, `Mail: ${state}`)
      if (state === 'deferred') isDeferring = true
      if (state === 'sent') isDeferring = false
    },
  }
}
