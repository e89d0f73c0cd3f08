import { type Queryable, type Sql, sql, type Transaction } from '../database/database.ts'

export type Account = {
  id: string
  email: string
  /** The email address in the form used for comparison. */
  canonical: string
  isVerified: boolean
  pendingEmail: string | null
  /** The language of pages and mails. */
  locale: string | null
  /** The language of warnings: for 7 days after a change of `locale`, the one before. */
  warningLocale: string | null
  createdAt: Date
}

const localeIsNew = sql`locale_changed_at > now() - interval '7 days'`

const columns: Sql = sql`
  id, email, email_canonical as canonical, email_verified_at is not null as "isVerified",
  pending_email as "pendingEmail", locale, created_at as "createdAt",
  case when ${localeIsNew} then previous_locale else locale end as "warningLocale"`

type NewAccount = { email: string; canonical: string; passwordHash: string; locale: string | undefined }

/** Returns the id of the new account, or undefined if the email address is taken. */
export async function createAccount(tx: Transaction, account: NewAccount): Promise<string | undefined> {
  const { email, canonical, passwordHash, locale } = account
  const [created] = await tx.query<{ id: string }>(sql`
    insert into accounts (email, email_canonical, password_hash, locale)
    values (${email}, ${canonical}, ${passwordHash}, ${locale ?? null})
    on conflict (email_canonical) do nothing
    returning id`)
  return created?.id
}

export async function findAccount(db: Queryable, id: string): Promise<Account | undefined> {
  const [account] = await db.query<Account>(sql`select ${columns} from accounts where id = ${id}`)
  return account
}

/** Returns the account with this canonical email address. */
export async function findAccountByEmail(db: Queryable, canonical: string): Promise<Account | undefined> {
  const [account] = await db.query<Account>(sql`select ${columns} from accounts where email_canonical = ${canonical}`)
  return account
}

export async function accountExists(db: Queryable, canonical: string): Promise<boolean> {
  const rows = await db.query(sql`select id from accounts where email_canonical = ${canonical}`)
  return rows.length > 0
}

/** Locks the account's row and returns the account. */
export async function lockAccount(tx: Transaction, id: string): Promise<Account | undefined> {
  const [account] = await tx.query<Account>(sql`select ${columns} from accounts where id = ${id} for update`)
  return account
}

/** Locks the row of the account with this canonical email address and returns the account. */
export async function lockAccountByEmail(tx: Transaction, canonical: string): Promise<Account | undefined> {
  const [account] = await tx.query<Account>(sql`
    select ${columns} from accounts where email_canonical = ${canonical} for update`)
  return account
}

/** Returns null for a frozen account, which has no password. */
export async function findPasswordHash(db: Queryable, id: string): Promise<string | null> {
  const [account] = await db.query<{ passwordHash: string | null }>(sql`
    select password_hash as "passwordHash" from accounts where id = ${id}`)
  return account?.passwordHash ?? null
}

/** Locks the account's row if its password hash is still the given one. Returns whether it was. */
export async function lockIfPasswordHash(tx: Transaction, id: string, passwordHash: string): Promise<boolean> {
  const rows = await tx.query(sql`
    select id from accounts where id = ${id} and password_hash = ${passwordHash} for update`)
  return rows.length > 0
}

/** Replaces the password hash if it is still `from`. Returns whether it was. */
export async function replacePasswordHash(
  tx: Transaction,
  id: string,
  { from, to }: { from: string; to: string },
): Promise<boolean> {
  const rows = await tx.query(sql`
    update accounts set password_hash = ${to} where id = ${id} and password_hash = ${from} returning id`)
  return rows.length > 0
}

/**
 * Sets the password after a reset. Only someone who reads the account's mail can do that, so the email address becomes
 * verified, the account is unfrozen, and a pending email change or deletion, which another person may have requested,
 * is dropped.
 */
export async function setPassword(tx: Transaction, id: string, passwordHash: string): Promise<void> {
  await tx.query(sql`
    update accounts
    set password_hash = ${passwordHash}, email_verified_at = coalesce(email_verified_at, now()), frozen_at = null,
      pending_email = null, delete_at = null, reset_quiet_until = null
    where id = ${id}`)
}

export async function markEmailVerified(tx: Transaction, id: string): Promise<void> {
  await tx.query(sql`update accounts set email_verified_at = coalesce(email_verified_at, now()) where id = ${id}`)
}

/** Sets the email address that the account will have once it is confirmed, or null for none. */
export async function setPendingEmail(tx: Transaction, id: string, email: string | null): Promise<void> {
  await tx.query(sql`update accounts set pending_email = ${email} where id = ${id}`)
}

/**
 * Sets the language of pages and mails, or null to use the language of each request. Returns whether it was another one.
 * A change within 7 days of the last keeps the language of warnings and starts the 7 days again.
 */
export async function setLocale(tx: Transaction, id: string, locale: string | null): Promise<boolean> {
  const rows = await tx.query(sql`
    update accounts
    set previous_locale = case when ${localeIsNew} then previous_locale else locale end,
      locale_changed_at = now(), locale = ${locale}
    where id = ${id} and locale is distinct from ${locale}
    returning id`)
  return rows.length > 0
}

/** Stops reset mails to the account for an hour. */
export async function muteResetMails(tx: Transaction, id: string): Promise<void> {
  await tx.query(sql`update accounts set reset_quiet_until = now() + interval '1 hour' where id = ${id}`)
}

/** Blocks logins until the password is reset by mail. */
export async function freeze(tx: Transaction, id: string): Promise<void> {
  await tx.query(sql`
    update accounts set password_hash = null, frozen_at = now(), pending_email = null, delete_at = null
    where id = ${id}`)
}

/** Schedules the account to be deleted by the purge at the given time. */
export async function scheduleDeletion(
  tx: Transaction,
  id: string,
  { at, deleteMovies }: { at: Date; deleteMovies: boolean },
): Promise<void> {
  await tx.query(sql`update accounts set delete_at = ${at}, delete_movies = ${deleteMovies} where id = ${id}`)
}

const isDue = sql`delete_at <= now()`

/** Returns the accounts whose scheduled deletion is due. */
export async function listDueDeletions(db: Queryable): Promise<string[]> {
  const accounts = await db.query<{ id: string }>(sql`select id from accounts where ${isDue}`)
  return accounts.map(({ id }) => id)
}

/**
 * Locks an account whose deletion is due. Returns undefined if it is no longer due or another process has locked it.
 */
export async function lockDueDeletion(tx: Transaction, id: string): Promise<{ deleteMovies: boolean } | undefined> {
  const [account] = await tx.query<{ deleteMovies: boolean }>(sql`
    select delete_movies as "deleteMovies" from accounts where id = ${id} and ${isDue} for update skip locked`)
  return account
}

/** Deletes the account's row, and with it all that only concerns the account. Its movies stay. */
export async function deleteAccountRow(tx: Transaction, id: string): Promise<void> {
  await tx.query(sql`delete from accounts where id = ${id}`)
}
