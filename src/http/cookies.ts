import '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The cookies depend on the site's URL: under https they are Secure, and a name prefix binds them to the host. */
type Site = { publicUrl: string }

/** Returns the access token in the session cookie, if the request has one. */
export function readSessionCookie(request: FastifyRequest, site: Site): string | undefined {
  return request.cookies[cookieName('movie_bag', site)]
}

/** Sets the session cookie, which holds the access token of a browser's session. */
export function setSessionCookie(reply: FastifyReply, token: string, site: Site & { sessionTtlMs: number }): void {
  const maxAge = Math.floor(site.sessionTtlMs / 1000)
  reply.setCookie(cookieName('movie_bag', site), token, { ...cookieOptions(site), maxAge })
}

/** Clears the session cookie and, under https, whatever the pages have stored in the browser. */
export function clearSessionCookie(reply: FastifyReply, site: Site): void {
  reply.clearCookie(cookieName('movie_bag', site), cookieOptions(site))
  // Not "cache", because pages are never cached and clearing it can take seconds.
  if (isHttps(site)) reply.header('clear-site-data', '"storage"')
}

/** Returns the token in the known-browser cookie, if the request has one. It is not a credential. */
export function readKnownBrowserCookie(request: FastifyRequest, site: Site): string | undefined {
  return request.cookies[cookieName('movie_bag_browser', site)]
}

/** Sets the known-browser cookie for 400 days, the most that browsers allow (RFC 6265bis). */
export function setKnownBrowserCookie(reply: FastifyReply, token: string, site: Site): void {
  reply.setCookie(cookieName('movie_bag_browser', site), token, { ...cookieOptions(site), maxAge: 400 * 86_400 })
}

/** The prefix keeps plain http and neighbouring subdomains from setting the cookie (RFC 6265bis, 4.1.3.2). */
export function cookieName(name: string, site: Site): string {
  return isHttps(site) ? `__Host-${name}` : name
}

/** The options of every cookie of the site. */
export function cookieOptions(site: Site) {
  return { path: '/', httpOnly: true, sameSite: 'lax', secure: isHttps(site) } as const
}

function isHttps({ publicUrl }: Site): boolean {
  return publicUrl.startsWith('https:')
}
