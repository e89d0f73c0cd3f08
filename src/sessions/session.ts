import { lockAccount } from '../accounts/account.ts'
import { type Queryable, type Sql, sql, type Transaction } from '../database/database.ts'
import type { Device } from '../i18n/format.ts'

/** A live session, and the language of its account. */
export type Session = SessionKey & { locale: string | null }

/** A session ends if it is not used for `sessionIdleTtlMs`. */
export type SessionSettings = { sessionIdleTtlMs: number }

/** A condition on rows of `sessions`. `last_used_at` is accurate to five minutes, which count in the session's favor. */
export function isLive({ sessionIdleTtlMs }: SessionSettings): Sql {
  const idleSince = sql`now() - ${sessionIdleTtlMs} * interval '1 millisecond' - interval '5 minutes'`
  return sql`ended_at is null and expires_at > now() and last_used_at > ${idleSince}`
}

export type SessionKey = { id: string; accountId: string }

export type StartedSession = SessionKey & { startedAt: Date; expiresAt: Date }

/** The most sessions kept per account, including ended ones. Normal use stays far below it. */
export const maxSessions = 100

type NewSession = {
  accountId: string
  passwordHash: string
  ttlMs: number
  device: Device
  ip: string
  /** The hash of the known browser that starts the session, or null for other clients. */
  browser: Buffer | null
}

/**
 * Starts a session. Returns undefined if the account's password hash is no longer the given one: a login in progress
 * while the password changes must fail. The share lock makes one wait for the other.
 */
export async function startSession(tx: Transaction, session: NewSession): Promise<StartedSession | undefined> {
  const { accountId, passwordHash, ttlMs, device, ip, browser } = session
  const [started] = await tx.query<StartedSession>(sql`
    insert into sessions (account_id, expires_at, device, ip_address, browser_hash)
    select id, now() + ${ttlMs} * interval '1 millisecond', ${device}, ${ip}, ${browser}
    from accounts
    where id = ${accountId} and password_hash = ${passwordHash}
    for share
    returning id, account_id as "accountId", created_at as "startedAt", expires_at as "expiresAt"`)
  return started
}

/** Deletes ended sessions before live ones, the least recently used first. */
export async function deleteExcessSessions(tx: Transaction, accountId: string): Promise<void> {
  await tx.query(sql`
    delete from sessions where id in (
      select id from sessions where account_id = ${accountId}
      order by ended_at is null desc, last_used_at desc offset ${maxSessions})`)
}

/**
 * Ends a session because its user logs out: its device stays known. Returns false if the account has no such live
 * session. Locks the account's row first, as deletion does, so that the two cannot deadlock.
 */
export async function logOutSession(tx: Transaction, { id, accountId }: SessionKey): Promise<boolean> {
  await lockAccount(tx, accountId)
  const rows = await tx.query(sql`
    update sessions set ended_at = now()
    where id = ${id} and account_id = ${accountId} and ended_at is null
    returning id`)
  return rows.length > 0
}

/** Which live sessions of an account to end: one, all, or all except one. */
type Selection = { only: string } | { keep?: string | undefined }

/**
 * Ends sessions of an account that someone else may have started, and returns how many. A later login from their devices
 * is news again, and the browsers they were started in are forgotten. Locks the account's row first.
 */
export async function endSessions(tx: Transaction, accountId: string, selection: Selection = {}): Promise<number> {
  const isSelected =
    'only' in selection ? sql`id = ${selection.only}` : sql`id is distinct from ${selection.keep ?? null}::uuid`
  await lockAccount(tx, accountId)
  const ended = await tx.query<{ browser: Buffer | null }>(sql`
    update sessions set ended_at = now(), is_device_known = false
    where account_id = ${accountId} and ended_at is null and ${isSelected}
    returning browser_hash as browser`)
  const browsers = ended.flatMap(({ browser }) => browser ?? [])
  await forgetBrowsers(tx, accountId, browsers)
  return ended.length
}

/** Returns the IDs of all accounts with a session that has not ended or expired. */
export async function findLoggedInAccounts(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ accountId: string }>(sql`
    select distinct account_id as "accountId" from sessions where ended_at is null and expires_at > now()`)
  return rows.map(({ accountId }) => accountId)
}

/** Forgets browsers of the account, except those in which it is still logged in. */
async function forgetBrowsers(tx: Transaction, accountId: string, tokenHashes: Buffer[]): Promise<void> {
  if (tokenHashes.length === 0) return
  await tx.query(sql`
    delete from known_browsers
    where account_id = ${accountId} and token_hash = any(${tokenHashes}::bytea[]) and not exists (
      select from sessions
      where account_id = ${accountId} and browser_hash = token_hash and ended_at is null and expires_at > now())`)
}

/** Forgets every browser and device of the account, whoever used it: a thief may have logged out before the owner acts. */
export async function forgetDevices(tx: Transaction, accountId: string): Promise<void> {
  await Promise.all([
    tx.query(sql`delete from known_browsers where account_id = ${accountId}`),
    tx.query(sql`update sessions set is_device_known = false where account_id = ${accountId} and is_device_known`),
  ])
}

/** Session IDs are UUIDs. PostgreSQL throws if one is compared with other text. */
export function isSessionId(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
}
