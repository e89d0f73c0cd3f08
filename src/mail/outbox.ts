import { randomInt } from 'node:crypto'
import { type Queryable, sql, type Transaction } from '../database/database.ts'

/** What a message needs to be written. Never a secret. */
export type MailParams = Record<string, string>

/** A mail that a worker has in hand. `accountId` is null as long as only an address is known, as a stranger typed it. */
export type ClaimedMail = {
  id: string
  leaseId: string
  kind: string
  accountId: string | null
  email: string | null
  params: MailParams
  /** Of the request that caused it. */
  locale: string | null
  supportCode: string
  attempts: number
  queuedAt: Date
  /** Since it was queued. */
  ageSeconds: number
}

export type Outcome =
  | { state: 'sent' | 'failed' | 'too soon' | 'no recipient' | 'cancelled' | 'suppressed'; reply?: string }
  | { state: 'deferred'; reply: string; delaySeconds: number }

type NewMail = { kind: string; locale: string | undefined; params?: MailParams } & (
  | { accountId: string }
  | { email: string }
)

/** Queues a mail, to an account or to an address as it was typed. Answers the code by which support can find it. */
export async function queueMail(db: Queryable, mail: NewMail): Promise<string> {
  const code = supportCode()
  const accountId = 'accountId' in mail ? mail.accountId : null
  const email = 'email' in mail ? mail.email : null
  await db.query(sql`
    insert into outbox (kind, account_id, email, params, locale, support_code)
    values (${mail.kind}, ${accountId}, ${email}, ${mail.params ?? {}}, ${mail.locale ?? null}, ${code})`)
  return code
}

/** How many mails of a kind were queued for an account within the last hour. */
export async function countMailsInLastHour(db: Queryable, accountId: string, kind: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`
    select count(*)::int from outbox
    where account_id = ${accountId} and created_at > now() - interval '1 hour' and kind = ${kind}`)
  return row?.count ?? 0
}

/**
 * Takes up to `most` mails that are due, each under a lease that other workers respect until it runs out. Even then its
 * worker may be alive: the clock may have jumped, or the database was away. So the lease is doubted first, which gives
 * the worker time to renew it, and taken when nothing came.
 */
export async function claimMails(db: Queryable, most: number, leaseId: string): Promise<ClaimedMail[]> {
  // Materialized, or a plan that looks into the list more than once would take more than `most`.
  const mails = await db.query<ClaimedMail & { inGracePeriod: boolean }>(sql`
    with due as materialized (
      select id as due_id, leased_until is not null and not in_grace_period as begins_grace_period
      from outbox
      where closed_at is null and due_at <= now() and (leased_until is null or leased_until < now())
      order by due_at
      limit ${most}
      for update skip locked)
    update outbox
    set in_grace_period = begins_grace_period,
      leased_until = now() + case when begins_grace_period then interval '8 seconds' else interval '15 seconds' end,
      lease_id = case when begins_grace_period then lease_id else ${leaseId}::uuid end,
      attempts = attempts + case when begins_grace_period then 0 else 1 end
    from due
    where id = due_id
    returning id, lease_id as "leaseId", kind, account_id as "accountId", email, params, locale,
      support_code as "supportCode", attempts, created_at as "queuedAt",
      extract(epoch from now() - created_at)::float8 as "ageSeconds", in_grace_period as "inGracePeriod"`)
  return mails.filter(({ inGracePeriod }) => !inGracePeriod)
}

/** Leaves to others what a claim took whose answer never came. */
export async function releaseLease(db: Queryable, leaseId: string): Promise<void> {
  await db.query(sql`
    update outbox set leased_until = null, lease_id = null, attempts = attempts - 1
    where lease_id = ${leaseId} and closed_at is null`)
}

/** Keeps mails in hand for another 15 seconds. */
export async function renewLeases(db: Queryable, mails: ClaimedMail[]): Promise<void> {
  await db.query(sql`
    update outbox set leased_until = now() + interval '15 seconds', in_grace_period = false
    from unnest(${mails.map((mail) => mail.id)}::uuid[], ${mails.map((mail) => mail.leaseId)}::uuid[]) as held (id, lease_id)
    where outbox.id = held.id and outbox.lease_id = held.lease_id`)
}

/** Where the clock was set back, what was to happen soon would happen late: it is brought back to where it can be. */
export async function clampDueTimes(db: Queryable): Promise<void> {
  await db.query(sql`
    update outbox
    set due_at = least(due_at, now() + case when state = 'queued' then interval '0' else ${longestDelay} end),
      leased_until = case when leased_until is not null then least(leased_until, now() + interval '15 seconds') end
    where closed_at is null and (
      due_at > now() + case when state = 'queued' then interval '0' else ${longestDelay} end
      or leased_until > now() + interval '15 seconds')`)
}

const longestDelay = sql`interval '36 minutes'`

/** Gives a mail that was queued to an address the account behind it. False where the lease has gone to another worker. */
export async function assignAccount(tx: Transaction, mail: ClaimedMail, accountId: string): Promise<boolean> {
  const rows = await tx.query(sql`
    update outbox set account_id = ${accountId} where id = ${mail.id} and lease_id = ${mail.leaseId} returning id`)
  return rows.length > 0
}

/** Writes down what became of a mail in hand, unless its lease has gone to another worker meanwhile. */
export async function recordOutcome(db: Queryable, mail: ClaimedMail, outcome: Outcome): Promise<void> {
  const delaySeconds = outcome.state === 'deferred' ? outcome.delaySeconds : null
  await db.query(sql`
    update outbox
    set state = ${outcome.state}, last_reply = ${outcome.reply ?? null}, leased_until = null, lease_id = null, in_grace_period = false,
      due_at = now() + coalesce(${delaySeconds}::float8, 0) * interval '1 second',
      closed_at = case when ${delaySeconds}::float8 is null then now() end
    where id = ${mail.id} and lease_id = ${mail.leaseId}`)
}

/** Six symbols that cannot be mistaken for one another when read aloud. */
function supportCode(): string {
  const symbols = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
  return Array.from({ length: 6 }, () => symbols[randomInt(symbols.length)]).join('')
}
