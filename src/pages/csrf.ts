import type { onRequestAsyncHookHandler } from 'fastify'
import type { Config } from '../config/config.ts'
import { AppError } from '../errors.ts'
import { logRejection } from '../http/security-log.ts'

/**
 * Refuses forms that another site posts. `Sec-Fetch-Site` decides if the browser sends it, because under `no-referrer`
 * even our own forms have `Origin: null`; for older browsers `Origin` does (OWASP CSRF cheat sheet).
 */
export function refuseCrossSite({ publicUrl }: Pick<Config, 'publicUrl'>): onRequestAsyncHookHandler {
  return async ({ method, headers }) => {
    if (method !== 'POST') return
    const site = headers['sec-fetch-site']
    const isOurs = site
      ? site === 'same-origin' || site === 'none'
      : [undefined, 'null', publicUrl].includes(headers.origin)
    if (isOurs) return
    logRejection('cross-site-form-rejected')
    throw new AppError(
      'SchemaValidationError',
      'This form was submitted from another site. Open it on this site and submit it again.',
      { messageKey: 'page.error.cross-site' },
    )
  }
}
