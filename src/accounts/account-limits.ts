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

export type MayWriteTo = (mail: ClaimedMail, address: string) => Promise<boolean>

/** Counts a mail when it is first written. By a hash, for nobody needs to know the addresses. */
export function recipientLimit(db: Database): MayWriteTo {
  const count = counter(db, { name: 'mails-of-strangers', ...unsolicitedMailLimit, cachesRefusals: false })
  return async ({ attempts }, address) => attempts > 1 || (await count(hashOfAddress(address))).isAllowed
}

function hashOfAddress(address: string): string {
  return createHash('sha256')
    .update(canonicalEmail(address) ?? address)
    .digest('base64url')
}

/** Throws `TooManyRequestsError` where an account has asked for too many mails to confirm an address. */
export async function enforceMailLimit(db: Queryable, accountId: string, kind: string): Promise<void> {
  if ((await countMailsInLastHour(db, accountId, kind)) < accountLimits['mails to confirm an address']) return
  throw new AppError('TooManyRequestsError', 'Try again in an hour.', { headers: { 'retry-after': '3600' } })
}
