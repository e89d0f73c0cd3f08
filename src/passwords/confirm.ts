import { findPasswordHash, lockIfPasswordHash } from '../accounts/account.ts'
import type { Database, Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { verifyPassword } from './hashing.ts'
import { type CountAttempt, clearFailures, confirmationsKey } from './wrong-attempts.ts'

/**
 * Returns the account's password hash if the password is right. Throws `UnauthorizedError` if it is wrong, and after 100
 * wrong ones in a row. A transaction that relies on the password begins with `requireSamePassword`.
 */
export async function confirmPassword(
  { db, countAttempt }: { db: Database; countAttempt: CountAttempt },
  accountId: string,
  password: string,
): Promise<string> {
  const storedHash = await findPasswordHash(db, accountId)
  const key = confirmationsKey(accountId)
  return countAttempt(key, async (isAllowed) => {
    const passwordHash = isAllowed ? storedHash : undefined
    const isRight = await verifyPassword(passwordHash, password)
    if (!passwordHash || !isRight) throw new AppError('UnauthorizedError', 'The current password is wrong.')
    await clearFailures(db, key)
    return passwordHash
  })
}

/**
 * Locks the account. Throws `UnauthorizedError` if its password hash is not the confirmed one any more: a request in
 * flight while the owner recovers the account must fail.
 */
export async function requireSamePassword(tx: Transaction, accountId: string, passwordHash: string): Promise<void> {
  if (!(await lockIfPasswordHash(tx, accountId, passwordHash))) throw passwordHasChanged()
}

export function passwordHasChanged(): AppError {
  return new AppError('UnauthorizedError', 'The password has just been changed. Try again.')
}
