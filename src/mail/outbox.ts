import { randomInt } from 'node:crypto'
import { type Queryable, sql, type Transaction } from '../database/database.ts'
import type { ClaimedMail, Mail, MailKind } from './mail.ts'
import { announceMail } from './wake.ts'

export type Outcome =
  | { state: 'too soon' | 'no recipient' | 'cancelled'; reply?: undefined }
  | { state: 'sent' | 'failed' | 'suppressed'; reply: string }
  | { state: 'deferred'; reply: string; delaySeconds: number }

/**
 * Queues a mail and returns its support code. `locale` is the language of the request, for accounts that have none;
 * leave it out of warnings, which a thief may have caused. Pass the transaction of the change that the mail reports.
 */
export async function queueMail(db: Queryable, mail: Mail, locale?: string): Promise<string> {
  const code = createSupportCode()
  const accountId = 'accountId' in mail ? mail.accountId : null
  const email = 'email' in mail ? mail.email : null
  const params = 'params' in mail ? mail.params : {}
  await db.query(sql`
    insert into outbox (kind, account_id, email, params, locale, support_code)
    values (${mail.kind}, ${accountId}, ${email}, ${params}, ${locale ?? null}, ${code})`)
  db.afterCommit(announceMail)
  return code
}

/** Counts the mails of a kind that were queued for an account within the last hour. */
export async function countMailsInLastHour(db: Queryable, accountId: string, kind: MailKind): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`
    select count(*)::int from outbox
    where account_id = ${accountId} and created_at > now() - interval '1 hour' and kind = ${kind}`)
  return row?.count ?? 0
}

/**
 * Claims up to `limit` mails that are due, each under a lease that other workers respect until it expires. Even then,
 * the worker that holds it may still be alive, for example after a clock jump or a database outage, so it gets a grace
 * period to renew the lease before another worker claims the mail.
 */
export async function claimMails(db: Queryable, limit: number, leaseId: string): Promise<ClaimedMail[]> {
  // Materialized: a plan that evaluates the list more than once would claim more than `limit`.
  const mails = await db.query<ClaimedMail & { inGracePeriod: boolean }>(sql`
    with due as materialized (
      select id as due_id, leased_until is not null and not in_grace_period as begins_grace_period
      from outbox
      where closed_at is null and due_at <= now() and (leased_until is null or leased_until < now())
      order by due_at
      limit ${limit}
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

/** Undoes the claim of a mail that was not handed to the server. */
export async function releaseMail(db: Queryable, { id, leaseId }: ClaimedMail): Promise<void> {
  await db.query(sql`
    update outbox set leased_until = null, lease_id = null, in_grace_period = false, attempts = attempts - 1
    where id = ${id} and lease_id = ${leaseId}`)
}

/** Undoes a claim whose result never arrived. */
export async function releaseLease(db: Queryable, leaseId: string): Promise<void> {
  await db.query(sql`
    update outbox set leased_until = null, lease_id = null, attempts = attempts - 1
    where lease_id = ${leaseId} and closed_at is null`)
}

/** Renews the leases of claimed mails for another 15 seconds. */
export async function renewLeases(db: Queryable, mails: ClaimedMail[]): Promise<void> {
  await db.query(sql`
    update outbox set leased_until = now() + interval '15 seconds', in_grace_period = false
    from unnest(${mails.map((mail) => mail.id)}::uuid[], ${mails.map((mail) => mail.leaseId)}::uuid[]) as held (id, lease_id)
    where outbox.id = held.id and outbox.lease_id = held.lease_id`)
}

/** Clamps due times and leases to the latest time they can have. They are beyond it if the clock was set back. */
export async function clampDueTimes(db: Queryable): Promise<void> {
  await db.query(sql`
    update outbox
    set due_at = least(due_at, now() + case when state = 'queued' then interval '0' else ${maxDelay} end),
      leased_until = case when leased_until is not null then least(leased_until, now() + interval '15 seconds') end
    where closed_at is null and (
      due_at > now() + case when state = 'queued' then interval '0' else ${maxDelay} end
      or leased_until > now() + interval '15 seconds')`)
}

const maxDelay = sql`interval '36 minutes'`

/** Records the account of a mail that was queued to an email address. Returns false if another worker has the lease. */
export async function assignAccount(tx: Transaction, mail: ClaimedMail, accountId: string): Promise<boolean> {
  const rows = await tx.query(sql`
    update outbox set account_id = ${accountId} where id = ${mail.id} and lease_id = ${mail.leaseId} returning id`)
  return rows.length > 0
}

/** Records the outcomes of claimed mails, except those of which another worker has the lease. */
export async function recordOutcomes(
  db: Queryable,
  outcomes: { mail: ClaimedMail; outcome: Outcome }[],
): Promise<void> {
  const ids = outcomes.map(({ mail }) => mail.id)
  const leaseIds = outcomes.map(({ mail }) => mail.leaseId)
  const states = outcomes.map(({ outcome }) => outcome.state)
  const replies = outcomes.map(({ outcome }) => outcome.reply ?? null)
  const delays = outcomes.map(({ outcome }) => (outcome.state === 'deferred' ? outcome.delaySeconds : null))
  await db.query(sql`
    update outbox
    set state = ended.state, last_reply = ended.reply, leased_until = null, lease_id = null, in_grace_period = false,
      due_at = now() + coalesce(delay, 0) * interval '1 second', closed_at = case when delay is null then now() end
    from unnest(${ids}::uuid[], ${leaseIds}::uuid[], ${states}::text[], ${replies}::text[], ${delays}::float8[])
      as ended (id, lease_id, state, reply, delay)
    where outbox.id = ended.id and outbox.lease_id = ended.lease_id`)
}

/** Returns six characters, without those that look alike, such as 0 and O or 1, I and L. */
function createSupportCode(): string {
  const symbols = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
  return Array.from({ length: 6 }, () => symbols[randomInt(symbols.length)]).join('')
}
