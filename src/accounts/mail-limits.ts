import { createHash } from 'node:crypto'
import type { Database, Queryable } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { counter } from '../http/counter.ts'
import type { ClaimedMail, MailKind } from '../mail/mail.ts'
import { countMailsInLastHour } from '../mail/outbox.ts'
import { canonicalEmail } from './email-address.ts'

/** How many confirmation mails of each kind an account may request per hour. */
export const maxConfirmationMails = 10

/** Throws `TooManyRequestsError` if the account has asked for too many mails of this kind. */
export async function enforceMailLimit(db: Queryable, accountId: string, kind: MailKind): Promise<void> {
  if ((await countMailsInLastHour(db, accountId, kind)) < maxConfirmationMails) return
  throw new AppError('TooManyRequestsError', 'Try again in an hour.', { headers: { 'retry-after': '3600' } })
}

/**
 * How many mails per hour an unconfirmed email address gets, across all accounts: requests to confirm it, and notices
 * that an unconfirmed account was deleted. Anyone can trigger these for any address.
 */
const unsolicitedMailLimit = { name: 'unsolicited-mails', points: 10, seconds: 3600 }

/** Returns whether a mail may go to an email address. */
export type RecipientLimit = (mail: ClaimedMail, email: string) => Promise<boolean>

/** Counts a mail on its first attempt only. The counter stores a hash of the email address, not the address itself. */
export function recipientLimit(db: Database, limit = unsolicitedMailLimit): RecipientLimit {
  const count = counter(db, { ...limit, cachesRefusals: false })
  return async ({ attempts }, email) => attempts > 1 || (await count(hashEmail(email))).isAllowed
}

function hashEmail(email: string): string {
  return createHash('sha256')
    .update(canonicalEmail(email) ?? email)
    .digest('base64url')
}
