import { createHash } from 'node:crypto'
import { findAccount } from '../accounts/account.ts'
import type { Database, Queryable, Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { counter, decrement, resetCount } from '../http/counter.ts'

// An email address allows 100 wrong passwords in a row, from all callers together (NIST SP 800-63B-4, 3.2.2). Addresses
// without an account are counted as well, so that the limit reveals nothing. Each known browser of the owner has a count
// of its own. A success clears the count, and so does a reset: the limit must not lock the owner out for good.

const name = 'failed-logins'

/**
 * Counts an attempt before it is made, and passes on whether it is within the limit. An attempt that ends without a
 * verdict, because the service is busy or the database is away, does not count.
 */
export type CountAttempt = <Result>(key: string, attempt: (isAllowed: boolean) => Promise<Result>) => Promise<Result>

export function attemptCounter(db: Database): CountAttempt {
  const year = 365 * 86_400
  const count = counter(db, { name, points: 100, seconds: year, cachesRefusals: false })
  return async (key, attempt) => {
    const { isAllowed } = await count(key)
    try {
      return await attempt(isAllowed)
    } catch (error) {
      // If the database is away this fails as well, and leaves one failure too many until the next success.
      if (!isVerdict(error)) await decrement(db, name, key).catch(() => {})
      throw error
    }
  }
}

function isVerdict(error: unknown): boolean {
  return error instanceof AppError && error.status < 500
}

/** The key for logins with an email address, or for those from a browser that its account knows. */
export function attemptsKey(canonical: string, knownBrowser: Buffer | null): string {
  const hash = createHash('sha256').update(canonical)
  if (knownBrowser) hash.update(knownBrowser)
  return hash.digest('base64url')
}

/** The key for confirming the password within a session, so that a stolen session cannot be used to guess it. */
export function confirmationsKey(accountId: string): string {
  return attemptsKey(`account ${accountId}`, null)
}

export async function clearFailures(db: Queryable, key: string): Promise<void> {
  await resetCount(db, name, key)
}

/** Lets the owner try again from everywhere. */
export async function clearAccountFailures(tx: Transaction, accountId: string): Promise<void> {
  const account = await findAccount(tx, accountId)
  if (account) await clearFailures(tx, attemptsKey(account.canonical, null))
  await clearFailures(tx, confirmationsKey(accountId))
}
