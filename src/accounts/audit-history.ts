import { type Static, Type } from 'typebox'
import { type Queryable, sql, type Transaction } from '../database/database.ts'
import { logAccountEvent } from '../http/security-log.ts'
import type { Device } from '../i18n/format.ts'
import type { KeyAfter } from '../i18n/translate.ts'

const accountEvents = [
  'signed up',
  'logged in',
  'logged out',
  'session ended',
  'other sessions ended',
  'sessions ended by operator',
  'reset requested',
  'password reset',
  'reset reported',
  'password changed',
  'email verified',
  'email change requested',
  'email changed',
  'email change undone',
  'language changed',
  'account frozen',
  'deletion requested',
  'mail sent',
] as const satisfies KeyAfter<'page.account-history.'>[]

type AccountEvent = (typeof accountEvents)[number]

type NewEvent = { accountId: string; event: AccountEvent; device?: Device; supportCode?: string }

/**
 * Adds an event to the account's audit history, whose rows never change, and to the log. Events of one transaction keep
 * their order. Adds nothing if the account has just been deleted.
 */
export async function recordEvent(tx: Transaction, { accountId, event, device, supportCode }: NewEvent): Promise<void> {
  const added = await tx.query(sql`
    insert into audit_history (account_id, at, event, device, support_code)
    select id, clock_timestamp(), ${event}, ${device ?? {}}, ${supportCode ?? null}
    from accounts
    where id = ${accountId}
    for key share
    returning id`)
  if (added.length > 0) tx.afterCommit(() => logAccountEvent(event.replaceAll(' ', '-'), accountId))
}

export const historyEntry = Type.Object({
  at: Type.Unsafe<Date>(Type.String({ format: 'date-time' })),
  event: Type.Enum([...accountEvents]),
  device: Type.String({ description: 'A rough description, such as "Firefox on Windows"; empty if unknown' }),
  support_code: Type.Union([Type.String(), Type.Null()]),
})

type HistoryEntry = Omit<Static<typeof historyEntry>, 'device'> & { device: Device }

/** Lists events, newest first. They include the mails that were sent, which are read from the outbox. */
export function listHistory(db: Queryable, accountId: string, limit: number): Promise<HistoryEntry[]> {
  return db.query<HistoryEntry>(sql`
    (select at, event, device, support_code
      from audit_history
      where account_id = ${accountId}
      order by id desc
      limit ${limit})
    union all
    (select closed_at, 'mail sent', '{}', support_code
      from outbox
      where account_id = ${accountId} and state = 'sent'
      order by created_at desc
      limit ${limit})
    order by at desc
    limit ${limit}`)
}
