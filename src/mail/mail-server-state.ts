import { type Queryable, sql } from '../database/database.ts'

/** Writes down what the mail server's trouble is, or that there is none. True where that is news. */
export async function reportMailServer(db: Queryable, trouble: string | undefined): Promise<boolean> {
  const rows = await db.query(sql`
    update mail_server_state set trouble = ${trouble ?? null}, since = now()
    where trouble is distinct from ${trouble ?? null}
    returning only_row`)
  return rows.length > 0
}

/** The trouble with mail that an operator should know of, in a sentence, or undefined where mail flows. */
export async function mailTrouble(db: Queryable): Promise<string | undefined> {
  const [state] = await db.query<{ trouble: string | null; waiting: string; oldestSeconds: number | null }>(sql`
    select
      (select trouble from mail_server_state) as trouble,
      count(*) as waiting,
      extract(epoch from now() - min(due_at))::float8 as "oldestSeconds"
    from outbox
    where closed_at is null and (leased_until is null or leased_until < now())`)
  if (!state) return undefined
  const waiting = `${state.waiting} ${state.waiting === '1' ? 'mail waits' : 'mails wait'}`
  if (state.trouble) return `${state.trouble} ${waiting}.`
  const isStuck = state.oldestSeconds !== null && state.oldestSeconds > 60
  return isStuck
    ? `No worker sends mail: ${waiting}, the oldest for ${Math.round(state.oldestSeconds ?? 0)} s.`
    : undefined
}
