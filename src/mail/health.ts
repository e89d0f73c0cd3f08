import { type Queryable, sql } from '../database/database.ts'

/** Stores the advice on a problem with the mail server for the health check, or that there is none. */
export async function reportServerState(db: Queryable, problem: string | undefined): Promise<void> {
  await db.query(sql`
    update mail_server_state set problem = ${problem ?? null}, since = now()
    where problem is not null or ${problem ?? null}::text is not null`)
}

type OutboxState = { isDeferred: boolean; isLate: boolean }

/**
 * Returns a problem with mail that an operator should know of, or undefined if mail flows.
 *
 * Anyone can read it, so it must not reveal who has an account. It quotes no reply of the mail server, which may contain
 * an email address; it has no numbers; and the mails of one account alone never change it. Mails to an email address as
 * it was typed do not count, deferred or sent: they are only sent if the address has an account.
 */
export async function mailProblem(db: Queryable): Promise<string | undefined> {
  // Asked first: during an outage millions of mails may be queued, and looking at them all would time out.
  const serverProblem = await findServerProblem(db)
  if (serverProblem) return `The mail server cannot be used; mail is queued. ${serverProblem}`
  const [outbox] = await db.query<OutboxState>(sql`
    select
      count(distinct account_id) filter (where state = 'deferred' and attempts >= 3 and email is null and not exists (
        select from outbox as passed
        where passed.state = 'sent' and passed.email is null and passed.closed_at > waiting.created_at)) >= 3
        as "isDeferred",
      not coalesce(bool_or(is_in_hand), false)
        and coalesce(min(due_at) filter (where not is_in_hand) < now() - interval '1 minute', false) as "isLate"
    from outbox as waiting, lateral (select coalesce(leased_until > now(), false) as is_in_hand) as lease
    where closed_at is null`)
  if (outbox?.isLate) return 'No mail worker is running; mail is queued. Start `movie-bag work` or `serve`.'
  return outbox?.isDeferred ? 'The mail server defers mail; it is queued. See the log of the mail worker.' : undefined
}

/** A worker repeats its report every few seconds, so an older one is from a worker that has stopped. */
async function findServerProblem(db: Queryable): Promise<string | undefined> {
  const [state] = await db.query<{ problem: string }>(sql`
    select problem from mail_server_state where problem is not null and since > now() - interval '1 minute'`)
  return state?.problem
}
