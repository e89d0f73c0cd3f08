import '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import type { TokenKey } from './access-token.ts'
import { type FoundSession, findSession, type Session } from './session.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who looks at a page: the session that the cookie names, or null. */
    visitor: FoundSession | null
  }
}

type Dependencies = { db: Database; key: TokenKey; config: Pick<Config, 'publicUrl' | 'sessionTtlMs'> }

/** Finds out, on every page, who looks at it. */
export function useVisitors(app: FastifyInstance, { db, key, config }: Dependencies): void {
  app.decorateRequest('visitor', null)
  app.addHook('onRequest', async (request, reply) => {
    const token = request.cookies[cookieName(config)]
    if (!token) return
    request.visitor = (await findSession(db, key, token)) ?? null
    // Ended elsewhere, by a reset for example: the browser need not ask with it again.
    if (!request.visitor) clearSessionCookie(reply, config)
  })
}

/** Lets a browser in: from now on its pages know the session of this access token. */
export function setSessionCookie(reply: FastifyReply, config: Dependencies['config'], token: string): void {
  reply.setCookie(cookieName(config), token, { ...options(config), maxAge: Math.floor(config.sessionTtlMs / 1000) })
}

/** Takes the session's cookie away, and shows the page as to a stranger. */
export function clearSessionCookie(reply: FastifyReply, config: Pick<Config, 'publicUrl'>): void {
  reply.request.visitor = null
  reply.clearCookie(cookieName(config), options(config))
}

/** For pages of one's own: sends others to log in first, and back here then. */
export const requireVisitor: onRequestAsyncHookHandler = async (request: FastifyRequest, reply) => {
  if (request.visitor) return
  const next = request.method === 'GET' ? `?next=${encodeURIComponent(request.url)}` : ''
  return reply.redirect(`/log-in${next}`, 303)
}

/** The session behind a page of one's own. */
export function requiredSession({ visitor, routeOptions }: FastifyRequest): Session {
  if (!visitor) throw new Error(`${routeOptions.url} reads the visitor without requiring one`)
  return visitor
}

/** RFC 6265bis: under https the prefix keeps other hosts and plain http from setting it. */
function cookieName({ publicUrl }: Pick<Config, 'publicUrl'>): string {
  return publicUrl.startsWith('https:') ? '__Host-movie_bag' : 'movie_bag'
}

function options({ publicUrl }: Pick<Config, 'publicUrl'>) {
  return { path: '/', httpOnly: true, sameSite: 'lax', secure: publicUrl.startsWith('https:') } as const
}
