import { createHash } from 'node:crypto'
import { type Database, type Queryable, sql, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { counter, decrement, hashKey } from '../http/counter.ts'

// At most 100 failures in a row for one address, wherever they come from (NIST SP 800-63B-4, 3.2.2). They are counted by
// address, whether or not anybody has it, so that counting tells nothing; and apart for each browser that the owner has
// used. A success clears the count, and so does a reset: a lock never bars the way back in.

const prefix = 'failed-logins'

export type FailedLogins = {
  /**
   * Counts an attempt before it is made, and tells it whether it is within the limit. One that ended without a verdict,
   * for the service was too busy or the database away, does not count.
   */
  count: <Result>(key: string, attempt: (isAllowed: boolean) => Promise<Result>) => Promise<Result>
}

export function failedLogins(db: Database): FailedLogins {
  const year = 365 * 86_400
  const count = counter(db, { name: prefix, points: 100, seconds: year, cachesRefusals: false })
  return {
    count: async (key, attempt) => {
      const { isAllowed } = await count(key)
      try {
        return await attempt(isAllowed)
      } catch (error) {
        // Where the database is away this fails as well: then one failure too many stays, until the next success.
        if (!isVerdict(error)) await decrement(db, prefix, key).catch(() => {})
        throw error
      }
    },
  }
}

function isVerdict(error: unknown): boolean {
  return error instanceof AppError && error.status < 500
}

/** Under which failures at an address count, or those in a browser that its owner has used. */
export function failuresKey(canonical: string, knownBrowser: Buffer | null): string {
  const hash = createHash('sha256').update(canonical)
  if (knownBrowser) hash.update(knownBrowser)
  return hash.digest('base64url')
}

/** Under which failures to confirm the password count, of who is signed in: a stolen session is no way to guess it. */
export function confirmationsKey(accountId: string): string {
  return failuresKey(`account ${accountId}`, null)
}

export async function clearFailures(db: Queryable, key: string): Promise<void> {
  await db.query(sql`delete from rate_limits where key = ${hashKey(prefix, key)}`)
}

/** Lets an account try again from everywhere. */
export async function clearFailuresOf(tx: Transaction, accountId: string): Promise<void> {
  const [account] = await tx.query<{ canonical: string }>(sql`
    select email_canonical as canonical from accounts where id = ${accountId}`)
  if (account) await clearFailures(tx, failuresKey(account.canonical, null))
  await clearFailures(tx, confirmationsKey(accountId))
}
