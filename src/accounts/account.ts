import { type Queryable, sql, type Transaction } from '../database/database.ts'

export type Account = { id: string; email: string; locale: string }

export async function accountById(db: Queryable, id: string): Promise<Account | undefined> {
  const [account] = await db.query<Account>(sql`select id, email, locale from accounts where id = ${id}`)
  return account
}

/** The account behind an address in its canonical form, with its row locked. */
export async function lockAccountByAddress(tx: Transaction, canonical: string): Promise<Account | undefined> {
  const [account] = await tx.query<Account>(sql`
    select id, email, locale from accounts where email_canonical = ${canonical} for update`)
  return account
}

/** As after a reset: whoever sets the password this way has read mail at the address, so it is verified. */
export async function setPassword(tx: Transaction, id: string, passwordHash: string): Promise<void> {
  await tx.query(sql`
    update accounts
    set password_hash = ${passwordHash}, email_verified_at = coalesce(email_verified_at, now())
    where id = ${id}`)
}

/** The account, with its row locked. */
export async function lockAccount(tx: Transaction, id: string): Promise<Account | undefined> {
  const [account] = await tx.query<Account>(sql`select id, email, locale from accounts where id = ${id} for update`)
  return account
}
