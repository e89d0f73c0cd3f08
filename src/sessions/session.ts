import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { accountLimits } from '../accounts/account-limits.ts'
import { type Database, type Queryable, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type TokenKey, verifyAccessToken } from './access-token.ts'

export type Session = { id: string; accountId: string }

/** A session that was found by its token, and the language of its account. */
export type FoundSession = Session & { locale: string | null }

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is signed in. Only on routes that require a session. */
    session: Session
  }
}

type BegunSession = Session & { beganAt: Date; expiresAt: Date }

/**
 * Begins a session, where the password's hash is still the one that was verified: a login in flight while the password
 * changes gets none. The share lock makes the two wait for each other.
 */
export async function startSession(
  db: Queryable,
  account: { id: string; passwordHash: string },
  { ttlMs, device, address }: { ttlMs: number; device: string; address: string },
): Promise<BegunSession | undefined> {
  const [session] = await db.query<BegunSession>(sql`
    insert into sessions (account_id, expires_at, device, ip_address)
    select id, now() + ${ttlMs} * interval '1 millisecond', ${device}, ${address}
    from accounts
    where id = ${account.id} and password_hash = ${account.passwordHash}
    for share
    returning id, account_id as "accountId", created_at as "beganAt", expires_at as "expiresAt"`)
  return session
}

/** Ends one of an account's sessions. False where it has no such session. */
export async function endSession(db: Queryable, { id, accountId }: Session): Promise<boolean> {
  const rows = await db.query(sql`
    update sessions set ended_at = now()
    where id = ${id} and account_id = ${accountId} and ended_at is null
    returning id`)
  return rows.length > 0
}

/** Ends the account's sessions, but for the one to keep, if there is one. Answers how many. */
export async function endSessions(db: Queryable, accountId: string, { keep }: { keep?: string } = {}): Promise<number> {
  const rows = await db.query(sql`
    update sessions set ended_at = now()
    where account_id = ${accountId} and ended_at is null and id is distinct from ${keep ?? null}
    returning id`)
  return rows.length
}

/** Keeps those that live before those that ended, and of each the last used. */
export async function deleteExcessSessions(db: Queryable, accountId: string): Promise<void> {
  await db.query(sql`
    delete from sessions where id in (
      select id from sessions where account_id = ${accountId}
      order by ended_at is null desc, last_used_at desc offset ${accountLimits.sessions})`)
}

export type RequireSession = onRequestAsyncHookHandler

/** Makes the hook that lets only signed-in callers through; others get `InvalidSessionError`. */
export function requireSession(app: FastifyInstance, db: Database, key: TokenKey): RequireSession {
  const sessions = new WeakMap<FastifyRequest, Session>()
  app.decorateRequest('session', {
    getter() {
      const session = sessions.get(this)
      if (!session) throw new Error(`${this.routeOptions.url} reads the session without requiring one`)
      return session
    },
  })
  return async (request) => {
    const token = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const session = token && (await findSession(db, key, token))
    if (!session) throw invalidSession()
    sessions.set(request, session)
  }
}

export function invalidSession(): AppError {
  return new AppError('InvalidSessionError', 'Log in, and send the token as "Authorization: Bearer <token>".', {
    headers: { 'www-authenticate': 'Bearer' },
  })
}

/** The session that an access token names, where it lives; its last use is noted to five minutes. */
export async function findSession(db: Queryable, key: TokenKey, token: string): Promise<FoundSession | undefined> {
  const named = await verifyAccessToken(key, token)
  if (!named) return undefined
  const [session] = await db.query<FoundSession & { isStale: boolean }>(sql`
    select sessions.id, account_id as "accountId", last_used_at < now() - interval '5 minutes' as "isStale", locale
    from sessions join accounts on accounts.id = account_id
    where sessions.id = ${named.id} and ended_at is null and expires_at > now()
      and ${named.until}::float8 > extract(epoch from now())`)
  if (session?.isStale) await db.query(sql`update sessions set last_used_at = now() where id = ${session.id}`)
  return session
}
