import { lockAccount } from '../accounts/account.ts'
import { sql, type Transaction } from '../database/database.ts'
import type { Device } from '../i18n/format.ts'

/** A live session, and the language of its account. */
export type Session = SessionKey & { locale: string | null }

export type SessionKey = { id: string; accountId: string }

export type StartedSession = SessionKey & { startedAt: Date; expiresAt: Date }

/** The most sessions kept per account, including ended ones. Normal use stays far below it. */
export const maxSessions = 100

type NewSession = { accountId: string; passwordHash: string; ttlMs: number; device: Device; ip: string }

/**
 * Starts a session. Returns undefined if the account's password hash is no longer the given one: a login in progress
 * while the password changes must fail. The share lock makes one wait for the other.
 */
export async function startSession(tx: Transaction, session: NewSession): Promise<StartedSession | undefined> {
  const { accountId, passwordHash, ttlMs, device, ip } = session
  const [started] = await tx.query<StartedSession>(sql`
    insert into sessions (account_id, expires_at, device, ip_address)
    select id, now() + ${ttlMs} * interval '1 millisecond', ${device}, ${ip}
    from accounts
    where id = ${accountId} and password_hash = ${passwordHash}
    for share
    returning id, account_id as "accountId", created_at as "startedAt", expires_at as "expiresAt"`)
  if (started) await deleteExcessSessions(tx, accountId)
  return started
}

/** Deletes ended sessions before live ones, the least recently used first. */
async function deleteExcessSessions(tx: Transaction, accountId: string): Promise<void> {
  await tx.query(sql`
    delete from sessions where id in (
      select id from sessions where account_id = ${accountId}
      order by ended_at is null desc, last_used_at desc offset ${maxSessions})`)
}

/**
 * Ends a session. Returns false if the account has no such live session. Locks the account's row first, as deletion
 * does, so that the two cannot deadlock.
 */
export async function endSession(tx: Transaction, { id, accountId }: SessionKey): Promise<boolean> {
  await lockAccount(tx, accountId)
  const rows = await tx.query(sql`
    update sessions set ended_at = now()
    where id = ${id} and account_id = ${accountId} and ended_at is null
    returning id`)
  return rows.length > 0
}

/** Ends the account's sessions, except the one to keep, and returns how many. Locks the account's row first. */
export async function endSessions(
  tx: Transaction,
  accountId: string,
  { keep }: { keep?: string } = {},
): Promise<number> {
  await lockAccount(tx, accountId)
  const rows = await tx.query(sql`
    update sessions set ended_at = now()
    where account_id = ${accountId} and ended_at is null and id is distinct from ${keep ?? null}
    returning id`)
  return rows.length
}

/** Session IDs are UUIDs. PostgreSQL throws if one is compared with other text. */
export function isSessionId(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
}
