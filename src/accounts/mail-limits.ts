import { createHash } from 'node:crypto'
import type { Database, Queryable } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { counter } from '../http/counter.ts'
import type { ClaimedMail, MailKind } from '../mail/mail.ts'
import { countMailsInLastHour } from '../mail/outbox.ts'
import { canonicalEmail } from './email-address.ts'

/** How many mails of one kind, to confirm an email address, an account may ask for in an hour. */
export const maxConfirmationMails = 10

/** Throws `TooManyRequestsError` if the account has asked for too many mails of this kind. */
export async function enforceMailLimit(db: Queryable, accountId: string, kind: MailKind): Promise<void> {
  if ((await countMailsInLastHour(db, accountId, kind)) < maxConfirmationMails) return
  throw new AppError('TooManyRequestsError', 'Try again in an hour.', { headers: { 'retry-after': '3600' } })
}

/**
 * How many mails an hour go to an email address that has confirmed nothing, from all accounts together: those that ask to
 * confirm it, and those that say its unconfirmed account was deleted. Anyone can cause them, for any address.
 */
const unsolicitedMailLimit = { name: 'unsolicited-mails', points: 10, seconds: 3600 }

/** Returns whether a mail may go to an email address. */
export type RecipientLimit = (mail: ClaimedMail, email: string) => Promise<boolean>

/** Counts a mail at its first attempt, under a hash of the email address so that the address itself is not kept. */
export function recipientLimit(db: Database, limit = unsolicitedMailLimit): RecipientLimit {
  const count = counter(db, { ...limit, cachesRefusals: false })
  return async ({ attempts }, email) => attempts > 1 || (await count(hashEmail(email))).isAllowed
}

function hashEmail(email: string): string {
  return createHash('sha256')
    .update(canonicalEmail(email) ?? email)
    .digest('base64url')
}
