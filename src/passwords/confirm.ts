import { findPasswordHash, lockIfPasswordHash } from '../accounts/account.ts'
import type { Database, Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { logRejection } from '../http/security-log.ts'
import { isHashable, verifyPassword } from './hashing.ts'
import { clearFailures, confirmationCounters, throttle } from './throttle.ts'

/**
 * Returns the account's password hash if the password is right. Throws `UnauthorizedError` if it is wrong, and
 * `TooManyRequestsError` soon after several wrong ones in the session. A transaction that relies on the password must
 * begin with `requireSamePassword`.
 */
export async function confirmPassword(
  db: Database,
  session: { id: string; accountId: string },
  password: string,
): Promise<string> {
  const counters = confirmationCounters(session.id)
  const passwordHash = await findPasswordHash(db, session.accountId)
  if (!isHashable(password)) throw wrongPassword()
  return throttle(db, counters, async () => {
    const isRight = await verifyPassword(passwordHash, password)
    if (!passwordHash || !isRight) throw wrongPassword()
    await clearFailures(db, counters)
    return passwordHash
  })
}

function wrongPassword(): AppError {
  logRejection('password-confirmation-failed')
  return new AppError('UnauthorizedError', 'The current password is wrong.')
}

/**
 * Locks the account. Throws `UnauthorizedError` if its password hash is no longer the confirmed one: a request in
 * progress while the owner recovers the account must fail.
 */
export async function requireSamePassword(tx: Transaction, accountId: string, passwordHash: string): Promise<void> {
  if (!(await lockIfPasswordHash(tx, accountId, passwordHash))) throw passwordHasChanged()
}

export function passwordHasChanged(): AppError {
  return new AppError('UnauthorizedError', 'The password has just been changed. Try again.')
}
