import type { Database } from '../database/database.ts'
import type { DeliveryLog } from './delivery-log.ts'
import type { ClaimedMail } from './mail.ts'
import type { MailServer } from './smtp.ts'
import type { MailWriters } from './write.ts'

/** Everything a running delivery knows. */
export type DeliveryState = {
  readonly db: Database
  readonly server: MailServer
  readonly writers: MailWriters
  readonly log: DeliveryLog
  /** The claimed mails, each with the promise of its delivery, which never rejects. */
  readonly inHand: Map<ClaimedMail, Promise<void>>
  /** The mails in hand whose outcome the database has not accepted yet. */
  readonly unrecorded: Set<ClaimedMail>
  /** A claim that may have been committed although its result never arrived. */
  uncertainClaim: string | undefined
  /** False until the first check: a mail must not be the one to find out. */
  serverIsUp: boolean
  /** Checks of the mail server in a row that found it down. */
  failedChecks: number
  readonly stopping: AbortController
  /** Resolves when `stopping` is aborted. */
  readonly aborted: Promise<unknown>
  /** Set when mails still in hand are left to a later attempt. */
  deadlinePassed: boolean
}
