import { type Queryable, sql } from '../database/database.ts'

/** Writes down what the mail server's trouble is just now, or that there is none. */
export async function reportMailServer(db: Queryable, trouble: string | undefined): Promise<void> {
  await db.query(sql`
    update mail_server_state set trouble = ${trouble ?? null}, since = now()
    where trouble is not null or ${trouble ?? null}::text is not null`)
}

type Work = { isWorking: boolean; oldestSeconds: number | null }
type MailState = { trouble: string | null; refusal: string | null; waiting: number } & Work

/**
 * The trouble with mail that an operator should know of, in a sentence, or undefined where mail flows. A worker in
 * trouble says so every few seconds; what one said that has stopped since is no longer true.
 */
export async function mailTrouble(db: Queryable): Promise<string | undefined> {
  const [state] = await db.query<MailState>(sql`
    select
      (select trouble from mail_server_state where since > now() - interval '1 minute') as trouble,
      (select last_reply from outbox as refused
        where state = 'deferred' and attempts >= 3 and not exists (
          select from outbox where state = 'sent' and closed_at > refused.created_at)
        order by due_at limit 1) as refusal,
      count(*) filter (where not is_in_hand)::int as waiting,
      coalesce(bool_or(is_in_hand), false) as "isWorking",
      extract(epoch from now() - min(due_at) filter (where not is_in_hand))::float8 as "oldestSeconds"
    from outbox, lateral (select coalesce(leased_until > now(), false) as is_in_hand) as lease
    where closed_at is null`)
  return state && inWords(state)
}

function inWords({ trouble, refusal, waiting, isWorking, oldestSeconds }: MailState): string | undefined {
  const mails = waiting === 1 ? '1 mail waits' : `${waiting} mails wait`
  if (trouble) return `${trouble} ${mails}.`
  if (!isWorking && oldestSeconds !== null && oldestSeconds > 60) {
    return `No worker sends mail: ${mails}, the oldest for ${Math.round(oldestSeconds)} s.`
  }
  return refusal ? `No mail is taken. ${refusal} ${mails}.` : undefined
}
