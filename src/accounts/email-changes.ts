import { type Queryable, sql, type Transaction } from '../database/database.ts'

// A change of address can be undone from the old address for 7 days, also where the new one was changed again. As long
// as that is so, nobody else gets the old address, and the account is not deleted.

export const undoTtlMs = 7 * 86_400_000

/** Whether an address is kept for an account that can still come back to it: not for itself, where it is the one. */
export async function isReservedForUndo(db: Queryable, canonical: string, accountId: string): Promise<boolean> {
  const rows = await db.query(sql`
    select id from email_changes
    where old_email_canonical = ${canonical} and account_id <> ${accountId} and undone_at is null and undo_until > now()
    limit 1`)
  return rows.length > 0
}

/** Until when the newest change of the account can be undone; null where there is none. */
export async function undoDeadline(db: Queryable, accountId: string): Promise<Date | null> {
  const [change] = await db.query<{ until: Date | null }>(sql`
    select max(undo_until) as until
    from email_changes
    where account_id = ${accountId} and undone_at is null and undo_until > now()`)
  return change?.until ?? null
}

export type Move = { accountId: string; email: string; canonical: string }

/** Moves an account to an address. Answers the change, for the mail that can undo it; undefined for a taken address. */
export async function changeEmail(
  tx: Transaction,
  { accountId, email, canonical }: Move,
): Promise<{ id: string } | undefined> {
  const [change] = await tx.query<{ id: string }>(sql`
    with old as (
      select id, email, email_canonical from accounts where id = ${accountId}
    ), moved as (
      update accounts
      set email = ${email}, email_canonical = ${canonical}, email_verified_at = now(), pending_email = null
      from old
      where accounts.id = old.id and not exists (
        select from accounts where email_canonical = ${canonical} and id <> ${accountId})
      returning old.email as old_email, old.email_canonical as old_canonical
    )
    insert into email_changes (account_id, old_email, old_email_canonical, undo_until)
    select ${accountId}, old_email, old_canonical, now() + ${undoTtlMs} * interval '1 millisecond' from moved
    returning id`)
  return change
}

/**
 * Moves an account back to where it was before a change, and voids the undoing of that change and of all later ones.
 * Answers the address; undefined where the change cannot be undone any more.
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
    where accounts.id = ${accountId} and account_id = accounts.id and email_changes.id = ${changeId}
      and undone_at is null and undo_until > now()
    returning old_email as email`)
  if (!change) return undefined
  await tx.query(sql`
    update email_changes set undone_at = now()
    where account_id = ${accountId} and undone_at is null
      and changed_at >= (select changed_at from email_changes where id = ${changeId})`)
  return change.email
}

/** The change with which an account left an address, where it can still be undone. */
export async function findChangeFrom(db: Queryable, accountId: string, email: string): Promise<string | undefined> {
  const [change] = await db.query<{ id: string }>(sql`
    select id
    from email_changes
    where account_id = ${accountId} and old_email = ${email} and undone_at is null and undo_until > now()
    order by changed_at
    limit 1`)
  return change?.id
}

/** A change that can still be undone. */
export type UndoableChange = { id: string; accountId: string; oldEmail: string; changedAt: Date }

const undoable = sql`
  select id, account_id as "accountId", old_email as "oldEmail", changed_at as "changedAt"
  from email_changes
  where undone_at is null and undo_until > now()`

export async function findUndoableChange(db: Queryable, id: string): Promise<UndoableChange | undefined> {
  const [change] = await db.query<UndoableChange>(sql`${undoable} and id = ${id}`)
  return change
}

/** The change for whose undoing an address is kept. */
export async function findChangeReserving(db: Queryable, canonical: string): Promise<UndoableChange | undefined> {
  const [change] = await db.query<UndoableChange>(sql`
    ${undoable} and old_email_canonical = ${canonical} order by changed_at limit 1`)
  return change
}

/** The address that an account had when a mail was queued. */
export async function emailAt(db: Queryable, accountId: string, mailId: string): Promise<string | undefined> {
  const [account] = await db.query<{ email: string }>(sql`
    select coalesce((
      select old_email from email_changes
      where account_id = accounts.id and changed_at > (select created_at from outbox where id = ${mailId})
      order by changed_at limit 1), email) as email
    from accounts where id = ${accountId}`)
  return account?.email
}
