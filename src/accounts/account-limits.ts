import { createHash } from 'node:crypto'
import type { Database, Queryable } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { counter } from '../http/counter.ts'
import { type ClaimedMail, countMailsInLastHour } from '../mail/outbox.ts'
import { canonicalEmail } from './email-address.ts'

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

/**
 * How many mails an hour an address gets that anybody can have sent to it, from however many accounts: to confirm it, and
 * that an account is gone which never confirmed it.
 */
export const unsolicitedMailLimit = { points: 10, seconds: 3600 }

export type MayWriteTo = (mail: ClaimedMail, email: string) => Promise<boolean>

/** Limits the mails to an e-mail address. A mail counts at its first attempt; the key is a hash of the address. */
export function recipientLimit(
  db: Database,
  limit = { name: 'mails-of-strangers', ...unsolicitedMailLimit },
): MayWriteTo {
  const count = counter(db, { ...limit, cachesRefusals: false })
  return async ({ attempts }, email) => attempts > 1 || (await count(hashEmail(email))).isAllowed
}

function hashEmail(email: string): string {
  return createHash('sha256')
    .update(canonicalEmail(email) ?? email)
    .digest('base64url')
}

/** Throws `TooManyRequestsError` where an account has asked for too many mails to confirm an address. */
export async function enforceMailLimit(db: Queryable, accountId: string, kind: string): Promise<void> {
  if ((await countMailsInLastHour(db, accountId, kind)) < accountLimits['mails to confirm an address']) return
  throw new AppError('TooManyRequestsError', 'Try again in an hour.', { headers: { 'retry-after': '3600' } })
}
