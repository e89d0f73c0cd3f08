import { type Queryable, sql } from '../database/database.ts'

/** Stores, for the health check, the advice on the current problem with the mail server, or null if there is none. */
export async function reportServerState(db: Queryable, problem: string | undefined): Promise<void> {
  await db.query(sql`
    update mail_server_state set problem = ${problem ?? null}, since = now()
    where problem is not null or ${problem ?? null}::text is not null`)
}

type OutboxState = { isDeferred: boolean; isLate: boolean }

/**
 * Returns a problem with mail that an operator should know about, or undefined if mail is being delivered.
 *
 * Anyone can read it, so it must not reveal who has an account. It does not quote the mail server, whose replies may
 * contain an email address; it contains no numbers; and the mails of a single account never change it. Mails queued to
 * an email address as typed are ignored, whether deferred or sent, because they are sent only if the address has an
 * account.
 */
export async function findMailProblem(db: Queryable): Promise<string | undefined> {
  // Checked first: during an outage millions of mails may be queued, and scanning them all would time out.
  const serverProblem = await findServerProblem(db)
  if (serverProblem) return `The mail server is unavailable; mail is queued. ${serverProblem}`
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
  if (outbox?.isLate) return 'No mail worker is running; mail is queued. Start `movie-bag work` or `movie-bag serve`.'
  return outbox?.isDeferred
    ? 'The mail server is deferring mail, which stays queued. See the log of the mail worker.'
    : undefined
}

/** A worker repeats its report every few seconds, so an older one is from a worker that has stopped. */
async function findServerProblem(db: Queryable): Promise<string | undefined> {
  const [state] = await db.query<{ problem: string }>(sql`
    select problem from mail_server_state where problem is not null and since > now() - interval '1 minute'`)
  return state?.problem
}
