import { type Queryable, sql, type Transaction } from '../database/database.ts'

// If the old email address was verified, its owner can undo a change for 7 days, even after later changes. Until then, no
// other account can take the old email address, and the account is not deleted. An address that was not verified may be
// a stranger's, so it is free at once.

export const undoTtlMs = 7 * 86_400_000

const isRecent = sql`undone_at is null and undo_until > now()`
const isUndoable = sql`was_verified and ${isRecent}`

type NewEmail = { accountId: string; email: string; canonical: string }

/**
 * Changes the account's email address and returns the change, for the mail that can undo it. Returns undefined if
 * another account has the email address.
 */
export async function changeEmail(
  tx: Transaction,
  { accountId, email, canonical }: NewEmail,
): Promise<{ id: string } | undefined> {
  const [change] = await tx.query<{ id: string }>(sql`
    with old as (
      select id, email, email_canonical, email_verified_at is not null as was_verified
      from accounts where id = ${accountId}
    ), changed as (
      update accounts
      set email = ${email}, email_canonical = ${canonical}, email_verified_at = now(), pending_email = null
      from old
      where accounts.id = old.id and not exists (
        select from accounts where email_canonical = ${canonical} and id <> ${accountId})
      returning old.email as old_email, old.email_canonical as old_canonical, was_verified
    )
    insert into email_changes (account_id, old_email, old_email_canonical, was_verified, undo_until)
    select ${accountId}, old_email, old_canonical, was_verified, now() + ${undoTtlMs} * interval '1 millisecond'
    from changed
    returning id`)
  return change
}

/** Returns whether an email address is reserved for another account that can still undo its change away from it. */
export async function isReservedForUndo(db: Queryable, canonical: string, accountId: string): Promise<boolean> {
  const rows = await db.query(sql`
    select id from email_changes
    where old_email_canonical = ${canonical} and account_id <> ${accountId} and ${isUndoable}
    limit 1`)
  return rows.length > 0
}

/** Returns the time until which the account's newest change can be undone, or null if no change can. */
export async function undoDeadline(db: Queryable, accountId: string): Promise<Date | null> {
  const [change] = await db.query<{ until: Date | null }>(sql`
    select max(undo_until) as until from email_changes where account_id = ${accountId} and ${isUndoable}`)
  return change?.until ?? null
}

/**
 * Restores the email address that the account had before a change of the last 7 days, and marks that change and all later
 * ones as undone. Returns the email address, or undefined if the change is older or undone, or if another account has
 * taken the email address. Call it only for someone who reads mail to that email address.
 */
export async function restorePreviousEmail(
  tx: Transaction,
  accountId: string,
  changeId: string,
): Promise<string | undefined> {
  const [change] = await tx.query<{ email: string }>(sql`
    update accounts
    set email = old_email, email_canonical = old_email_canonical, email_verified_at = now(), pending_email = null
    from email_changes
    where accounts.id = ${accountId} and account_id = accounts.id and email_changes.id = ${changeId} and ${isRecent}
      and not exists (
        select from accounts as others where others.email_canonical = old_email_canonical and others.id <> ${accountId})
    returning old_email as email`)
  if (!change) return undefined
  await tx.query(sql`
    update email_changes set undone_at = now()
    where account_id = ${accountId} and undone_at is null
      and changed_at >= (select changed_at from email_changes where id = ${changeId})`)
  return change.email
}

/** Returns the id of the oldest change from this email address in the last 7 days, or undefined. */
export async function findChangeFrom(db: Queryable, accountId: string, email: string): Promise<string | undefined> {
  const [change] = await db.query<{ id: string }>(sql`
    select id
    from email_changes
    where account_id = ${accountId} and old_email = ${email} and ${isRecent}
    order by changed_at
    limit 1`)
  return change?.id
}

export type EmailChange = { id: string; accountId: string; oldEmail: string; changedAt: Date; isUndoable: boolean }

const selectRecent = sql`
  select id, account_id as "accountId", old_email as "oldEmail", changed_at as "changedAt", was_verified as "isUndoable"
  from email_changes
  where ${isRecent}`

/** Returns a change of the last 7 days that has not been undone. */
export async function findRecentChange(db: Queryable, id: string): Promise<EmailChange | undefined> {
  const [change] = await db.query<EmailChange>(sql`${selectRecent} and id = ${id}`)
  return change
}

/** Returns the undoable change that reserves an email address for the account that had it. */
export async function findChangeReserving(db: Queryable, canonical: string): Promise<EmailChange | undefined> {
  const [change] = await db.query<EmailChange>(sql`
    ${selectRecent} and was_verified and old_email_canonical = ${canonical} order by changed_at limit 1`)
  return change
}

export type FormerEmail = { email: string; isVerified: boolean }

/** Returns the email address that an account had at the given time. */
export async function emailAt(db: Queryable, accountId: string, time: Date): Promise<FormerEmail | undefined> {
  const [address] = await db.query<FormerEmail>(sql`
    select old_email as email, was_verified as "isVerified", changed_at from email_changes
    where account_id = ${accountId} and date_trunc('milliseconds', changed_at) > ${time}
    union all
    select email, email_verified_at is not null, 'infinity' from accounts where id = ${accountId}
    order by changed_at limit 1`)
  return address
}

/** Lists the account's email changes, newest first, each with the email address before it. */
export function listEmailChanges(db: Queryable, accountId: string) {
  return db.query<{ email: string; changed_at: Date; undone_at: Date | null }>(sql`
    select old_email as email, changed_at, undone_at
    from email_changes where account_id = ${accountId} order by changed_at desc`)
}
