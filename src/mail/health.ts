import { type Queryable, sql } from '../database/database.ts'

/** Writes down what would help against the mail server's trouble, or that there is none. */
export async function reportServerState(db: Queryable, trouble: string | undefined): Promise<void> {
  await db.query(sql`
    update mail_server_state set problem = ${trouble ?? null}, since = now()
    where problem is not null or ${trouble ?? null}::text is not null`)
}

type OutboxState = { isPutOff: boolean; isLate: boolean }

/**
 * The trouble with mail that an operator should know of, in a sentence, or undefined where mail flows. A worker in
 * trouble says so every few seconds; what one said that has stopped since is no longer true.
 *
 * Strangers read it too. So it tells no reply of a server, which may quote an address; no number, which a request for an
 * address that somebody has would change and another would not; and nothing that one account's mails could bring about.
 * A mail that was asked for an address, as a stranger typed it, goes out only where an account has that address: neither
 * its being put off nor its being sent may show.
 */
export async function mailProblem(db: Queryable): Promise<string | undefined> {
  // In trouble millions of mails may wait, which would take longer to look at than a statement may.
  const told = await toldTrouble(db)
  if (told) return `The mail server cannot be used, and mail waits. ${told}`
  const [outbox] = await db.query<OutboxState>(sql`
    select
      count(distinct account_id) filter (where state = 'deferred' and attempts >= 3 and email is null and not exists (
        select from outbox as passed
        where passed.state = 'sent' and passed.email is null and passed.closed_at > waiting.created_at)) >= 3
        as "isPutOff",
      not coalesce(bool_or(is_in_hand), false)
        and coalesce(min(due_at) filter (where not is_in_hand) < now() - interval '1 minute', false) as "isLate"
    from outbox as waiting, lateral (select coalesce(leased_until > now(), false) as is_in_hand) as lease
    where closed_at is null`)
  if (outbox?.isLate) return 'No worker sends mail, and mail waits. Start `movie-bag work` or `serve`.'
  return outbox?.isPutOff ? 'The mail server puts mail off, and mail waits. The log of the worker says why.' : undefined
}

async function toldTrouble(db: Queryable): Promise<string | undefined> {
  const [told] = await db.query<{ trouble: string }>(sql`
    select problem as trouble from mail_server_state where problem is not null and since > now() - interval '1 minute'`)
  return told?.trouble
}
