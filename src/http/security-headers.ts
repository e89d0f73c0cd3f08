import type { FastifyInstance } from 'fastify'
import type { Config } from '../config/config.ts'

/** For JSON and everything else that is not a page: nothing may load, frame or run. */
const strictPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The Content-Security-Policy of pages: everything comes from this origin, and scripts and styles are files. */
export const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** The headers of every response (OWASP HTTP Headers cheat sheet). A route that needs another policy overrides it. */
export function securityHeaders({
  publicUrl,
  hstsIncludeSubdomains,
}: Pick<Config, 'publicUrl' | 'hstsIncludeSubdomains'>): Record<string, string> {
  const hsts = `max-age=31536000${hstsIncludeSubdomains ? '; includeSubDomains' : ''}`
  return {
    'content-security-policy': strictPolicy,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    ...(publicUrl.startsWith('https:') && { 'strict-transport-security': hsts }),
  }
}

export function useSecurityHeaders(app: FastifyInstance, headers: Record<string, string>): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id)
    done()
  })
}

/** For responses with credentials or account data. */
export const noStore = { 'cache-control': 'no-store' }
