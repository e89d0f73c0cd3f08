import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Config } from '../config/config.ts'
import { AppError } from '../errors.ts'
import { logRejection } from '../http/security-log.ts'

/**
 * Rejects forms that another site posts. `Sec-Fetch-Site` decides if the browser sends it. Browsers omit it over plain http,
 * except on this machine; there, `Origin` decides (OWASP CSRF cheat sheet).
 */
export function rejectCrossSite(config: Pick<Config, 'publicUrl'>): onRequestAsyncHookHandler {
  return async (request) => {
    if (request.method !== 'POST' || isSameSite(request, config)) return
    logRejection('cross-site-form-rejected')
    throw new AppError(
      'SchemaValidationError',
      'This form was submitted from another site. Open it on this site and submit it again.',
      { messageKey: 'page.error.cross-site' },
    )
  }
}

function isSameSite({ headers, routeOptions }: FastifyRequest, { publicUrl }: Pick<Config, 'publicUrl'>): boolean {
  const { origin, host = '' } = headers
  const site = headers['sec-fetch-site']
  if (site) return site === 'same-origin' || site === 'none'
  // Programs send no `Origin`; browsers do with every POST.
  if (origin === undefined || origin === publicUrl) return true
  // Pages with a token in their URL have the policy `no-referrer`, with which browsers send this.
  if (origin === 'null') return postedFromTokenPages.has(routeOptions.url ?? '')
  return URL.canParse(origin) && new URL(origin).host === host
}

/**
 * The forms on pages with a token in their URL. The token, which another site does not know, is proof enough; and logging
 * someone out gains an attacker nothing.
 */
const postedFromTokenPages = new Set([
  '/reset',
  '/reset/renew',
  '/verify',
  '/confirm-address',
  '/undo-address',
  '/not-me',
  '/log-out',
])
