import type { EventEmitter } from 'node:events'
import type { LRUCache } from 'lru-cache'
import type { LimitFunction } from 'p-limit'
import type { Database } from '../database/database.ts'
import type { DeliveryLog } from './delivery-log.ts'
import type { ClaimedMail } from './mail.ts'
import type { UnrecordedOutcome } from './outcomes.ts'
import type { Pace } from './pace.ts'
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
  /** Sends as many mails at a time as the server has connections. The other claimed mails are written meanwhile. */
  readonly whenConnectionIsFree: LimitFunction
  /** Changes when the server refuses connections or mails because there are too many. */
  readonly pace: Pace
  /** How often mails met such a refusal, by id. */
  readonly refusals: LRUCache<string, number>
  /** The outcomes of mails in flight that have not been recorded yet. */
  readonly unrecorded: UnrecordedOutcome[]
  isRecording: boolean
  /** Whether the database failed to record them. */
  cannotRecord: boolean
  /** The lease id of a claim that may have been committed although its result never arrived. */
  uncertainClaim: string | undefined
  /** False until the first check, so that no mail is used to find out whether the server works. */
  serverIsUp: boolean
  /** Emits `change` when mail was queued, a delivery has ended, or delivery is to stop. */
  readonly events: EventEmitter
  /** Whether mail was queued since the last claim. */
  mailWasQueued: boolean
  readonly stopping: AbortController
  /** Resolves when `stopping` is aborted. */
  readonly aborted: Promise<unknown>
  /** True once `stop` has waited long enough: mails still in flight are left for a later attempt. */
  deadlinePassed: boolean
}
