import { type Database, sql, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { verifyPassword } from './password.ts'
import { clearFailures, confirmationsKey, type FailedLogins } from './wrong-attempts.ts'

/**
 * Answers the account's hash where the password is right. Throws `UnauthorizedError` where it is not, and after 100
 * failures in a row. What then happens in a transaction has to begin with `lockByPassword`.
 */
export async function requirePassword(
  { db, failures }: { db: Database; failures: FailedLogins },
  accountId: string,
  password: string,
): Promise<string> {
  const [account] = await db.query<{ passwordHash: string | null }>(sql`
    select password_hash as "passwordHash" from accounts where id = ${accountId}`)
  const key = confirmationsKey(accountId)
  return failures.count(key, async (isAllowed) => {
    const passwordHash = isAllowed ? account?.passwordHash : undefined
    const isRight = await verifyPassword(passwordHash, password)
    if (!passwordHash || !isRight) throw new AppError('UnauthorizedError', 'The current password is not right.')
    await clearFailures(db, key)
    return passwordHash
  })
}

/**
 * Locks the account's row, where the password is still the one that was checked: a request in flight while the owner
 * takes the account back must come to nothing. Throws `UnauthorizedError` where it is not.
 */
export async function lockByPassword(tx: Transaction, accountId: string, passwordHash: string): Promise<void> {
  const rows = await tx.query(sql`
    select id from accounts where id = ${accountId} and password_hash = ${passwordHash} for update`)
  if (rows.length === 0) throw new AppError('UnauthorizedError', 'The password was changed meanwhile.')
}
