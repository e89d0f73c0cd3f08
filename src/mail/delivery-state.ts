import type { Database } from '../database/database.ts'
import type { DeliveryLog } from './delivery-log.ts'
import type { ClaimedMail } from './mail.ts'
import type { MailServer } from './smtp.ts'
import type { MailWriters } from './write.ts'

/** The state of a running delivery. */
export type DeliveryState = {
  readonly db: Database
  readonly server: MailServer
  readonly writers: MailWriters
  readonly log: DeliveryLog
  /** The claimed mails, each with the promise of its delivery, which never rejects. */
  readonly claimed: Map<ClaimedMail, Promise<void>>
  /** The mails in flight whose outcome has not been recorded yet. */
  readonly unrecorded: Set<ClaimedMail>
  /** The lease id of a claim that may have been committed although its result never arrived. */
  uncertainClaim: string | undefined
  /** False until the first check, so that no mail is used to find out whether the server works. */
  serverIsUp: boolean
  /** The number of consecutive failed checks of the mail server. */
  failedChecks: number
  readonly stopping: AbortController
  /** Resolves when `stopping` is aborted. */
  readonly aborted: Promise<unknown>
  /** True once `stop` has waited long enough: mails still in flight are left for a later attempt. */
  deadlinePassed: boolean
}
