import { sql, type Transaction } from '../database/database.ts'

/**
 * Returns whether an account has to wait for another reset mail:
 * - while one is under way,
 * - after one was sent: for a minute, until a link is spent or a day passes. For strangers, it doubles with each further
 *   mail up to an hour,
 * - after five within an hour, or four if a stranger asks,
 * - for an hour after its owner reported a request.
 *
 * The caller holds the lock on the account's row. Mails dated in the future, because the clock was set back after they
 * were sent, do not count. Mails sent since this transaction began do.
 */
export async function isCoolingDown(
  tx: Transaction,
  accountId: string,
  { isStranger }: { isStranger: boolean },
): Promise<boolean> {
  const limits = isStranger ? { mailsPerHour: 4, maxMinutes: 60 } : { mailsPerHour: 5, maxMinutes: 1 }
  const [row] = await tx.query<{ isCoolingDown: boolean }>(sql`
    with mails as (
      select state, closed_at as sent_at, closed_at > coalesce(
        (select max(ended_at) from links
          where account_id = ${accountId} and purpose = 'reset-password' and ended_as = 'spent'), '-infinity'
      ) as is_unanswered
      from outbox
      where account_id = ${accountId} and kind = 'reset-password' and created_at > now() - interval '1 day'
        and state in ('queued', 'deferred', 'sent') and (closed_at is null or closed_at <= clock_timestamp())
    )
    select (select reset_quiet_until > now() from accounts where id = ${accountId}) is true or coalesce(
      bool_or(state <> 'sent')
      or count(*) filter (where sent_at > now() - interval '1 hour') >= ${limits.mailsPerHour}
      or max(sent_at) filter (where is_unanswered)
        > now() - least(${limits.maxMinutes}, 2 ^ (count(*) filter (where is_unanswered) - 1)) * interval '1 minute',
      false) as "isCoolingDown"
    from mails`)
  return row?.isCoolingDown ?? false
}
