import { findPasswordHash, lockAccountByPassword } from '../accounts/account.ts'
import type { Database, Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { verifyPassword } from './hashing.ts'
import { clearFailures, confirmationsKey, type FailedLogins } from './wrong-attempts.ts'

/**
 * Returns the account's password hash if the password is right. Throws `UnauthorizedError` if it is wrong, and after 100
 * failures in a row. A transaction that relies on it begins with `lockByPassword`.
 */
export async function requirePassword(
  { db, failures }: { db: Database; failures: FailedLogins },
  accountId: string,
  password: string,
): Promise<string> {
  const storedHash = await findPasswordHash(db, accountId)
  const key = confirmationsKey(accountId)
  return failures.count(key, async (isAllowed) => {
    const passwordHash = isAllowed ? storedHash : undefined
    const isRight = await verifyPassword(passwordHash, password)
    if (!passwordHash || !isRight) throw new AppError('UnauthorizedError', 'The current password is wrong.')
    await clearFailures(db, key)
    return passwordHash
  })
}

/**
 * Locks the account's row if the password is still the one that was checked, so that a request in flight while the owner
 * takes the account back has no effect. Throws `UnauthorizedError` otherwise.
 */
export async function lockByPassword(tx: Transaction, accountId: string, passwordHash: string): Promise<void> {
  if (await lockAccountByPassword(tx, accountId, passwordHash)) return
  throw new AppError('UnauthorizedError', 'The password has just been changed. Try again.')
}
