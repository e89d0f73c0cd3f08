import { lockAccount } from '../accounts/account.ts'
import { sql, type Transaction } from '../database/database.ts'
import type { Device } from '../i18n/format.ts'

/** A login that has not ended, and the language of its account. */
export type Session = SessionKey & { locale: string | null }

export type SessionKey = { id: string; accountId: string }

export type StartedSession = SessionKey & { startedAt: Date; expiresAt: Date }

/** How many sessions of an account are kept, those that have ended included. Nobody reaches it by logging in. */
export const maxSessions = 100

type NewSession = { accountId: string; passwordHash: string; ttlMs: number; device: Device; ip: string }

/**
 * Starts a session. Returns undefined if the account's password hash is not the given one any more: a login in flight
 * while the password changes must fail. The share lock makes the two wait for each other.
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

/** Deletes ended sessions before live ones, and of each the least recently used. */
async function deleteExcessSessions(tx: Transaction, accountId: string): Promise<void> {
  await tx.query(sql`
    delete from sessions where id in (
      select id from sessions where account_id = ${accountId}
      order by ended_at is null desc, last_used_at desc offset ${maxSessions})`)
}

/**
 * Returns whether the account had this session and it had not ended. Locks the account's row first, as a deletion does,
 * so that the two do not wait for each other.
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

/** Sessions are named by UUIDs. PostgreSQL refuses to compare one with any other text. */
export function isSessionId(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
}
