import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { accountExists } from '../accounts/account.ts'
import { requireEmail } from '../accounts/email-address.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { requestedLocale } from '../http/client.ts'
import { readKnownBrowserCookie } from '../http/cookies.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bodyErrors, errors, nonEmptyText, strictObject } from '../http/schemas.ts'
import { findLink } from '../links/link.ts'
import { queueMail } from '../mail/outbox.ts'
import { hashKnownBrowser } from '../sessions/known-browser.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Pick<Config, 'accountPrivacy' | 'publicUrl'> }

const queuedResponse = Type.Object({
  support_code: Type.String({ description: 'A code with which the operator can look up what happened to the mail' }),
})

export const forgotPasswordRoutes: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, limit, config } = dependencies
  const forgot = {
    summary: 'Request a mail with a link to set a new password',
    description:
      'The response is the same whether or not the email address has an account, and the mail is sent in the ' +
      'background. The old password keeps working. `EmailDoesnotExistsError` is returned only if ' +
      '`ACCOUNT_PRIVACY=reveal`.',
    tags: ['Recovery'],
    body: strictObject({ email: Type.String({ examples: ['ada@example.org'] }) }),
    response: { 200: queuedResponse, ...errors('EmailDoesnotExistsError', ...bodyErrors) },
  }
  app.post('/api/auth/forgot', { schema: forgot, preHandler: limit('forgot-password') }, async (request) => {
    return { support_code: await requestReset({ db, config }, request.body.email, readResetRequest(request, config)) }
  })

  const renew = {
    summary: 'Request a new reset mail with the token from an earlier one',
    description: 'For a link that has expired or no longer works. The new mail goes to the account of that link.',
    tags: ['Recovery'],
    body: strictObject({ reset_token: nonEmptyText }),
    response: { 200: queuedResponse, ...errors('BadTokenError', ...bodyErrors) },
  }
  app.post('/api/auth/reset/renew', { schema: renew, preHandler: limit('forgot-password') }, async (request) => {
    const { supportCode } = await renewResetLink(db, request.body.reset_token, requestedLocale(request))
    return { support_code: supportCode }
  })
}

/** `browser` is the SHA-256 of the known-browser cookie, in hexadecimal. `locale` is the language of the request. */
type ResetRequest = { browser: string | undefined; locale: string | undefined }

export function readResetRequest(request: FastifyRequest, site: { publicUrl: string }): ResetRequest {
  const browser = hashKnownBrowser(readKnownBrowserCookie(request, site))?.toString('hex')
  return { browser, locale: requestedLocale(request) }
}

/**
 * Queues a reset mail to an email address and returns its support code. Unless `accountPrivacy` is `reveal`, it does
 * not check whether the address has an account: the worker does that outside the request, so that neither the response
 * nor its timing reveals it. Throws `SchemaValidationError` if `email` is not an email address, or
 * `EmailDoesnotExistsError` if accounts are revealed and there is none.
 */
export async function requestReset(
  { db, config }: Pick<Dependencies, 'db' | 'config'>,
  typed: string,
  { browser, locale }: ResetRequest,
): Promise<string> {
  const email = typed.trim()
  const canonical = requireEmail(email)
  if (config.accountPrivacy === 'reveal' && !(await accountExists(db, canonical))) {
    throw new AppError('EmailDoesnotExistsError')
  }
  return queueMail(db.writes, { kind: 'reset-password', email, params: browser ? { browser } : {} }, locale)
}

/** Queues a reset mail to the account of an earlier link. Throws `BadTokenError` if there never was such a link. */
export async function renewResetLink(
  db: Database,
  token: string,
  locale: string | undefined,
): Promise<{ supportCode: string; email: string }> {
  const link = await findLink(db, ['reset-password'], token)
  if (!link) throw new AppError('BadTokenError', 'Request a new link with your email address instead.')
  const mail = { kind: 'reset-password', email: link.email, params: { link: true } } as const
  const supportCode = await queueMail(db, mail, locale)
  return { supportCode, email: link.email }
}
