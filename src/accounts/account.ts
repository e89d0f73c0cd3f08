import { type Queryable, type Sql, sql, type Transaction } from '../database/database.ts'

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

/** Finds the account of an e-mail address in its canonical form. */
export async function findAccountByEmail(db: Queryable, canonical: string): Promise<Account | undefined> {
  const [account] = await db.query<Account>(sql`select ${columns} from accounts where email_canonical = ${canonical}`)
  return account
}

/** Finds the account and locks its row. */
export async function lockAccount(tx: Transaction, id: string): Promise<Account | undefined> {
  const [account] = await tx.query<Account>(sql`select ${columns} from accounts where id = ${id} for update`)
  return account
}

/** Finds the account of an e-mail address in its canonical form, and locks its row. */
export async function lockAccountByEmail(tx: Transaction, canonical: string): Promise<Account | undefined> {
  const [account] = await tx.query<Account>(sql`
    select ${columns} from accounts where email_canonical = ${canonical} for update`)
  return account
}

/** Locks the account's row if it has this password hash, and returns whether it has. */
export async function lockAccountByPassword(tx: Transaction, id: string, passwordHash: string): Promise<boolean> {
  const rows = await tx.query(sql`
    select id from accounts where id = ${id} and password_hash = ${passwordHash} for update`)
  return rows.length > 0
}

/** Returns null if the account is frozen or closed, and undefined if there is no such account. */
export async function findPasswordHash(db: Queryable, id: string): Promise<string | null | undefined> {
  const [account] = await db.query<{ passwordHash: string | null }>(sql`
    select password_hash as "passwordHash" from accounts where id = ${id}`)
  return account?.passwordHash
}

/** Replaces one hash of the same password by another; does nothing if the password was changed. */
export async function replacePasswordHash(
  tx: Transaction,
  id: string,
  { from, to }: { from: string; to: string },
): Promise<void> {
  await tx.query(sql`update accounts set password_hash = ${to} where id = ${id} and password_hash = ${from}`)
}

/**
 * Sets a new password, unless it was changed since `from` was checked; returns whether it did. A pending change of e-mail
 * address ends, because someone else may have requested it with the old password.
 */
export async function setPassword(
  tx: Transaction,
  id: string,
  { from, to }: { from: string; to: string },
): Promise<boolean> {
  const rows = await tx.query(sql`
    update accounts set password_hash = ${to}, pending_email = null
    where id = ${id} and password_hash = ${from}
    returning id`)
  return rows.length > 0
}

/**
 * Sets the password for someone who has read the account's mail. That verifies the e-mail address, unfreezes the account,
 * and cancels what someone else may have begun: a change of e-mail address, the deletion.
 */
export async function setPasswordByMail(tx: Transaction, id: string, passwordHash: string): Promise<void> {
  await tx.query(sql`
    update accounts
    set password_hash = ${passwordHash}, email_verified_at = coalesce(email_verified_at, now()), frozen_at = null,
      pending_email = null, delete_at = null, reset_quiet_until = null
    where id = ${id}`)
}

/** Marks the e-mail address as verified. */
export async function markVerified(tx: Transaction, id: string): Promise<void> {
  await tx.query(sql`update accounts set email_verified_at = coalesce(email_verified_at, now()) where id = ${id}`)
}

/** Notes the e-mail address that the owner wants. It replaces an earlier request. */
export async function setPendingEmail(tx: Transaction, id: string, email: string): Promise<void> {
  await tx.query(sql`update accounts set pending_email = ${email} where id = ${id}`)
}

/** Blocks log-ins until the password is reset by mail. */
export async function freeze(tx: Transaction, id: string): Promise<void> {
  await tx.query(sql`
    update accounts set password_hash = null, frozen_at = now(), pending_email = null, delete_at = null
    where id = ${id}`)
}

/** Sends no reset mail to the account for an hour. */
export async function pauseResetMails(tx: Transaction, id: string): Promise<void> {
  await tx.query(sql`update accounts set reset_quiet_until = now() + interval '1 hour' where id = ${id}`)
}

type Closing = { deleteAt: Date; deleteMovies: boolean }

/** Blocks log-ins and schedules the deletion, which the purge carries out. */
export async function closeAccount(tx: Transaction, id: string, { deleteAt, deleteMovies }: Closing): Promise<void> {
  await freeze(tx, id)
  await tx.query(sql`
    update accounts set delete_at = ${deleteAt}, delete_movies = ${deleteMovies} where id = ${id}`)
}

/** Deletes the account, and the movies it added if asked to. */
export async function eraseAccount(
  tx: Transaction,
  id: string,
  { deleteMovies }: { deleteMovies: boolean },
): Promise<void> {
  if (deleteMovies) await deleteMoviesOf(tx, id)
  await tx.query(sql`delete from accounts where id = ${id}`)
}

const batch = 1000

/** In batches, because a single statement must not run for long. */
async function deleteMoviesOf(tx: Transaction, accountId: string): Promise<void> {
  let deleted = batch
  while (deleted === batch) {
    const rows = await tx.query(sql`
      delete from movies where id in (select id from movies where added_by = ${accountId} limit ${batch}) returning id`)
    deleted = rows.length
  }
}
