import { type Queryable, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { isPasswordOf } from './password.ts'

/** Answers the account's hash where the password is right. Throws `UnauthorizedError` where it is not. */
export async function requirePassword(db: Queryable, accountId: string, password: string): Promise<string> {
  const [account] = await db.query<{ passwordHash: string | null }>(sql`
    select password_hash as "passwordHash" from accounts where id = ${accountId}`)
  const passwordHash = account?.passwordHash
  const isRight = await isPasswordOf(passwordHash, password)
  if (!passwordHash || !isRight) throw new AppError('UnauthorizedError', 'The current password is not right.')
  return passwordHash
}
