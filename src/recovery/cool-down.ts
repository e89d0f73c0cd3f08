import { sql, type Transaction } from '../database/database.ts'

/**
 * Whether an account has to wait for another reset mail: while one is under way; after one that was sent, for a minute
 * that doubles with each further mail up to an hour, until a link is used or a day is quiet; beyond five in an hour; and
 * for an hour after its owner said that the last request was not theirs.
 * The caller holds the lock on the account’s row. A mail of the future, from before the clock was set back, bars nobody;
 * one that was sent since this transaction began is none.
 */
export async function isCoolingDown(tx: Transaction, accountId: string): Promise<boolean> {
  const [mails] = await tx.query<{ tooSoon: boolean }>(sql`
    with mails as (
      select state, closed_at as sent_at, closed_at > coalesce(
        (select max(ended_at) from reset_links where account_id = ${accountId} and ended_as = 'used'), '-infinity'
      ) as is_unanswered
      from outbox
      where account_id = ${accountId} and kind = 'reset-password' and created_at > now() - interval '1 day'
        and state in ('queued', 'deferred', 'sent') and (closed_at is null or closed_at <= clock_timestamp())
    )
    select (select reset_quiet_until > now() from accounts where id = ${accountId}) is true or coalesce(
      bool_or(state <> 'sent')
      or count(*) filter (where sent_at > now() - interval '1 hour') >= 5
      or max(sent_at) filter (where is_unanswered)
        > now() - least(60, 2 ^ (count(*) filter (where is_unanswered) - 1)) * interval '1 minute',
      false) as "tooSoon"
    from mails`)
  return mails?.tooSoon ?? false
}
