import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { clearSessionCookie, readSessionCookie } from '../http/cookies.ts'
import { type TokenKey, verifyAccessToken } from './access-token.ts'
import { isLive, type Session, type SessionSettings } from './session.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `sessionFromBearer` and `sessionFromCookie`. Null until then, or if the request has no live session. */
    session: Session | null
  }
}

/** The hooks of an API route that needs a session: look it up, then require it. */
export type SignedIn = onRequestAsyncHookHandler[]

/** Makes the hook of the API, which finds the session by the access token in the `Authorization` header. */
export function sessionFromBearer(db: Database, key: TokenKey, config: SessionSettings): onRequestAsyncHookHandler {
  return async (request) => {
    const token = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    request.session = token ? await findSession(db, { key, config }, token) : null
  }
}

/** Makes the hook of the pages, which finds the session by the access token in the session cookie. */
export function sessionFromCookie(
  db: Database,
  key: TokenKey,
  config: SessionSettings & { publicUrl: string },
): onRequestAsyncHookHandler {
  return async (request, reply) => {
    const token = readSessionCookie(request, config)
    if (!token) return
    request.session = await findSession(db, { key, config }, token)
    // The session has ended, for example after a reset, so the cookie is no longer needed.
    if (!request.session) clearSessionCookie(reply, config)
  }
}

/** For API routes: throws `InvalidSessionError` unless the request has a session. */
export const requireSession: onRequestAsyncHookHandler = async (request) => {
  if (!request.session) throw invalidSession()
}

/** For pages: a request without a session is redirected to the login page, which leads back to the page. */
export const requireLogin: onRequestAsyncHookHandler = async (request, reply) => {
  if (request.session) return
  const next = request.method === 'GET' ? `?next=${encodeURIComponent(request.url)}` : ''
  return reply.redirect(`/log-in${next}`, 303)
}

/** Returns the session of a request whose route requires one. */
export function currentSession({ session, routeOptions }: FastifyRequest): Session {
  if (!session) throw new Error(`${routeOptions.url} reads the session without requiring one`)
  return session
}

export function invalidSession(): AppError {
  return new AppError('InvalidSessionError', 'Log in, and send the token as "Authorization: Bearer <token>".', {
    headers: { 'www-authenticate': 'Bearer' },
  })
}

/**
 * Returns the session that an access token identifies, or null if it is not live. Keeps `last_used_at` accurate to five
 * minutes.
 */
async function findSession(
  db: Database,
  { key, config }: { key: TokenKey; config: SessionSettings },
  token: string,
): Promise<Session | null> {
  const claims = await verifyAccessToken(key, token)
  if (!claims) return null
  const [found] = await db.reads.query<Session & { isStale: boolean }>(sql`
    select sessions.id, account_id as "accountId", locale, last_used_at < now() - interval '5 minutes' as "isStale"
    from sessions join accounts on accounts.id = account_id
    where sessions.id = ${claims.sessionId} and ${isLive(config)}
      and ${claims.expiresAt}::float8 > extract(epoch from now())`)
  if (!found) return null
  const { isStale, ...session } = found
  // Not on a lane, because it may have to wait for a transaction that ends the session.
  if (isStale) await db.query(sql`update sessions set last_used_at = now() where id = ${session.id}`)
  return session
}
