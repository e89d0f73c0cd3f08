import { type Queryable, sql } from '../database/database.ts'

/** What happens to an account and is worth remembering for its owner. */
export const accountEvents = [
  'signed up',
  'logged in',
  'logged out',
  'session ended',
  'other sessions ended',
  'reset requested',
  'password reset',
  'reset reported',
  'password changed',
  'email verified',
  'email change requested',
  'email changed',
  'email change undone',
  'account frozen',
  'deletion requested',
  'mail sent',
] as const

export type AccountEvent = (typeof accountEvents)[number]

type Occurrence = { accountId: string; event: AccountEvent; device?: string; supportCode?: string }

/**
 * Adds to an account's history, which is never changed. What happens in one transaction keeps its order. Where the account
 * was deleted meanwhile there is nothing to add to.
 */
export async function recordEvent(db: Queryable, { accountId, event, device, supportCode }: Occurrence): Promise<void> {
  await db.query(sql`
    insert into audit_history (account_id, at, event, device, support_code)
    select id, clock_timestamp(), ${event}, ${device ?? ''}, ${supportCode ?? null}
    from accounts
    where id = ${accountId}
    for key share`)
}

type Remembered = { at: Date; event: AccountEvent; device: string; support_code: string | null }

/** The newest first. What mails were sent is known to the outbox. */
export function listHistory(db: Queryable, accountId: string, most: number): Promise<Remembered[]> {
  return db.query<Remembered>(sql`
    (select at, event, device, support_code
      from audit_history
      where account_id = ${accountId}
      order by id desc
      limit ${most})
    union all
    (select closed_at, 'mail sent', '', support_code
      from outbox
      where account_id = ${accountId} and state = 'sent'
      order by created_at desc
      limit ${most})
    order by at desc
    limit ${most}`)
}
