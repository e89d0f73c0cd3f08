import '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { accountLimits } from '../accounts/account-limits.ts'
import type { Config } from '../config/config.ts'
import { type Queryable, sql, type Transaction } from '../database/database.ts'
import { hashToken, newToken, parseToken } from '../links/token.ts'

// A browser in which an account has logged in keeps a random cookie (OWASP: device cookies). It lets nobody in: it only
// tells the owner's browser from everybody else's, so that their wrong guesses do not lock the owner out.

type CookieConfig = Pick<Config, 'publicUrl'>

/** The SHA-256 of the cookie that the request brings, or null. */
export function knownBrowserHash(request: FastifyRequest, config: CookieConfig): Buffer | null {
  const token = parseToken(request.cookies[cookieName(config)] ?? '')
  return token ? hashToken(token) : null
}

/**
 * Remembers the browser for an account, giving it a cookie where it has none. In the transaction of the login, or a reset
 * in between would leave it known.
 */
export async function rememberBrowser(
  tx: Transaction,
  accountId: string,
  { request, reply, config }: { request: FastifyRequest; reply: FastifyReply; config: CookieConfig },
): Promise<void> {
  let hash = knownBrowserHash(request, config)
  if (!hash) {
    const token = newToken()
    hash = hashToken(token)
    const options = {
      httpOnly: true,
      sameSite: 'lax',
      secure: isHttps(config),
      path: '/',
      maxAge: 400 * 86_400,
    } as const
    reply.setCookie(cookieName(config), token, options)
  }
  await tx.query(sql`
    insert into known_browsers (account_id, token_hash) values (${accountId}, ${hash})
    on conflict (account_id, token_hash) do update set last_used_at = now()`)
  await tx.query(sql`
    delete from known_browsers where account_id = ${accountId} and token_hash in (
      select token_hash from known_browsers where account_id = ${accountId}
      order by last_used_at desc offset ${accountLimits['known browsers']})`)
}

/** After a password was lost no browser is known any more. */
export async function forgetBrowsers(db: Queryable, accountId: string): Promise<void> {
  await db.query(sql`delete from known_browsers where account_id = ${accountId}`)
}

/** The prefix keeps a neighbouring subdomain from setting it (RFC 6265bis, 4.1.3.2). It needs https. */
function cookieName(config: CookieConfig): string {
  return isHttps(config) ? '__Host-movie_bag_browser' : 'movie_bag_browser'
}

function isHttps({ publicUrl }: CookieConfig): boolean {
  return publicUrl.startsWith('https:')
}
