import { type Queryable, type Sql, sql, type Transaction } from '../database/database.ts'

/** Ends the links that could set an account's password. The recovery brings it, for accounts know no links of it. */
export type EndResetLinks = (tx: Transaction, accountId: string) => Promise<void>

export type Account = {
  id: string
  email: string
  isVerified: boolean
  pendingEmail: string | null
  locale: string | null
}

const columns: Sql = sql`id, email, email_verified_at is not null as "isVerified", pending_email as "pendingEmail", locale`

export async function findAccount(db: Queryable, id: string): Promise<Account | undefined> {
  const [account] = await db.query<Account>(sql`select ${columns} from accounts where id = ${id}`)
  return account
}

/** The account, with its row locked. */
export async function lockAccount(tx: Transaction, id: string): Promise<Account | undefined> {
  const [account] = await tx.query<Account>(sql`select ${columns} from accounts where id = ${id} for update`)
  return account
}

/** The account behind an address in its canonical form, with its row locked. */
export async function lockAccountByAddress(tx: Transaction, canonical: string): Promise<Account | undefined> {
  const [account] = await tx.query<Account>(sql`
    select ${columns} from accounts where email_canonical = ${canonical} for update`)
  return account
}

/**
 * As after a reset: whoever sets the password this way has read mail at the address, so it is verified, the account is
 * no longer frozen, and what somebody else may have begun (a change of address, the deletion) is off.
 */
export async function setPassword(tx: Transaction, id: string, passwordHash: string): Promise<void> {
  await tx.query(sql`
    update accounts
    set password_hash = ${passwordHash}, email_verified_at = coalesce(email_verified_at, now()), frozen_at = null,
      pending_email = null, delete_at = null, reset_quiet_until = null
    where id = ${id}`)
}

/** Lets nobody in until the password is set by mail. */
export async function freeze(tx: Transaction, id: string): Promise<void> {
  await tx.query(sql`
    update accounts set password_hash = null, frozen_at = now(), pending_email = null, delete_at = null
    where id = ${id}`)
}

/** Deletes an account, and the movies it added, if so wished: in pieces, for one statement may not take long. */
export async function eraseAccount(
  tx: Transaction,
  id: string,
  { deleteMovies }: { deleteMovies: boolean },
): Promise<void> {
  for (let isDone = !deleteMovies; !isDone; ) isDone = await deleteSomeMovies(tx, id)
  await tx.query(sql`delete from accounts where id = ${id}`)
}

const batch = 1000

async function deleteSomeMovies(tx: Transaction, accountId: string): Promise<boolean> {
  const deleted = await tx.query(sql`
    delete from movies where id in (select id from movies where added_by = ${accountId} limit ${batch}) returning id`)
  return deleted.length < batch
}
