import { createHash } from 'node:crypto'
import type { Queryable, Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { counter } from '../http/counter.ts'
import type { ClaimedMail, MailKind } from '../mail/mail.ts'
import { countMailsInLastHour } from '../mail/outbox.ts'
import type { Account } from './account.ts'
import { mailboxOf } from './email-address.ts'

/** How many confirmation mails of each kind an account may request per hour. */
export const maxConfirmationMails = 5

/** Throws `TooManyRequestsError` if the account has asked for too many mails of this kind. */
export async function enforceMailLimit(db: Queryable, accountId: string, kind: MailKind): Promise<void> {
  if ((await countMailsInLastHour(db, accountId, kind)) < maxConfirmationMails) return
  throw new AppError('TooManyRequestsError', 'Try again in an hour.', { headers: { 'retry-after': '3600' } })
}

// Limits of the mail to a mailbox, whatever its accounts are and whatever becomes of them. They count a hash of the
// mailbox, in rows that do not belong to an account.

type MailLimit = { name: string; points: number; seconds: number }

const hour = 3600
const day = 24 * hour

/** Anyone can cause mail to an address that was never verified, by signing up with it. Resets have limits of their own. */
const unverifiedMailLimit = { name: 'unverified-mails', points: 5, seconds: day }

/**
 * Reset mails to a mailbox. The last one is for callers who have used the account before, so that strangers cannot use
 * up what the owner needs.
 */
const resetMailLimits = {
  verified: {
    all: { name: 'reset-mails', points: 5, seconds: hour },
    strangers: { name: 'reset-mails-of-strangers', points: 4, seconds: hour },
  },
  unverified: {
    all: { name: 'unverified-reset-mails', points: 5, seconds: day },
    strangers: { name: 'unverified-reset-mails-of-strangers', points: 4, seconds: day },
  },
}

/** Returns whether a mail may go to an email address. Counts it on its first attempt only. */
export async function countMail(
  db: Queryable,
  { attempts }: Pick<ClaimedMail, 'attempts'>,
  { email, limit = unverifiedMailLimit }: { email: string; limit?: MailLimit },
): Promise<boolean> {
  if (attempts > 1) return true
  const count = counter(db, { ...limit, cachesRefusals: false, isDurable: true })
  return (await count(hashMailbox(email))).isAllowed
}

/** Returns whether a reset mail may go to an account's mailbox, and counts it. */
export async function countResetMail(
  tx: Transaction,
  { email, isVerified }: Account,
  { isStranger }: { isStranger: boolean },
): Promise<boolean> {
  const { all, strangers } = isVerified ? resetMailLimits.verified : resetMailLimits.unverified
  const isAllowed = !isStranger || (await countMail(tx, { attempts: 1 }, { email, limit: strangers }))
  return isAllowed && countMail(tx, { attempts: 1 }, { email, limit: all })
}

function hashMailbox(email: string): string {
  return createHash('sha256').update(mailboxOf(email)).digest('base64url')
}
