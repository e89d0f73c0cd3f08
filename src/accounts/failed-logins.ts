import { createHash } from 'node:crypto'
import { type Database, type Queryable, sql, type Transaction } from '../database/database.ts'
import { counter } from '../http/counter.ts'

// At most 100 failures in a row for one address, wherever they come from (NIST SP 800-63B-4, 3.2.2). They are counted by
// address, whether or not anybody has it, so that counting tells nothing; and apart for each browser that the owner has
// used. A success clears the count, and so does a reset: a lock never bars the way back in.

const prefix = 'failed-logins'

export type FailedLogins = {
  /** Counts an attempt before it is made. False beyond the limit. */
  isAllowed: (key: string) => Promise<boolean>
}

export function failedLogins(db: Database): FailedLogins {
  const year = 365 * 86_400
  const count = counter(db, { name: prefix, points: 100, seconds: year, remembersRefusals: false })
  return { isAllowed: async (key) => (await count(key)).isAllowed }
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
  await db.query(sql`delete from rate_limits where key = ${`${prefix}:${key}`}`)
}

/** Lets an account try again from everywhere. */
export async function clearFailuresOf(tx: Transaction, accountId: string): Promise<void> {
  const [account] = await tx.query<{ canonical: string }>(sql`
    select email_canonical as canonical from accounts where id = ${accountId}`)
  if (account) await clearFailures(tx, failuresKey(account.canonical, null))
  await clearFailures(tx, confirmationsKey(accountId))
}
