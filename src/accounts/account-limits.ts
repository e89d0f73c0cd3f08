import type { Queryable } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { mailsOfLastHour } from '../mail/outbox.ts'

/**
 * What is kept of one account, or mailed for it in an hour, at most: what a person never reaches, and what somebody who
 * wants to fill the disk or a mailbox meets. How many movies it may add is a setting.
 */
export const accountLimits = {
  /** Beyond that the one that was used least recently is forgotten. */
  sessions: 1000,
  'known browsers': 100,
  'deleted movies': 100,
  'mails about a new device': 10,
  'mails to confirm an address': 10,
}

/** Throws `TooManyRequestsError` where an account has asked for too many mails to confirm an address. */
export async function requireFewMails(db: Queryable, accountId: string, kind: string): Promise<void> {
  if ((await mailsOfLastHour(db, accountId, kind)) < accountLimits['mails to confirm an address']) return
  throw new AppError('TooManyRequestsError', 'Try again in an hour.', { headers: { 'retry-after': '3600' } })
}
