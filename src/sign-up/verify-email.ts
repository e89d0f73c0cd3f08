import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { lockAccount, markEmailVerified } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { enforceMailLimit } from '../accounts/mail-limits.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { readDevice, requestedLocale } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, bodyErrors, emptyResponse, errors, nonEmptyText, strictObject } from '../http/schemas.ts'
import type { Device } from '../i18n/format.ts'
import { findLink, spendLink } from '../links/link.ts'
import { queueMail } from '../mail/outbox.ts'
import { clearAccountFailures } from '../passwords/throttle.ts'
import { currentSession, invalidSession, type SignedIn } from '../sessions/require-session.ts'

type Dependencies = { db: Database; signedIn: SignedIn; limit: LimitByCaller }

export const verifyEmailRoutes: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn, limit }) => {
  const verify = {
    summary: 'Verify the email address with the token from the mail',
    tags: ['Accounts'],
    body: strictObject({ token: nonEmptyText }),
    response: { 200: emptyResponse, ...errors('BadTokenError', 'ExpiredTokenError', ...bodyErrors) },
  }
  app.post('/api/auth/verify', { schema: verify, preHandler: limit('link') }, async (request) => {
    await verifyEmail(db, request.body.token, readDevice(request))
    return {}
  })

  const send = {
    summary: 'Resend the verification mail',
    tags: ['Accounts'],
    security: bearer,
    response: { 200: emptyResponse, ...errors('InvalidSessionError', ...bodyErrors) },
  }
  const options = { schema: send, onRequest: signedIn, preHandler: limit('verify-mail') }
  app.post('/api/auth/verify/mail', options, async (request) => {
    await requestVerification(db, currentSession(request).accountId, requestedLocale(request))
    return {}
  })
}

/** Throws `BadTokenError` or `ExpiredTokenError`. */
export async function verifyEmail(db: Database, token: string, device: Device): Promise<void> {
  const link = await findLink(db, ['verify-email'], token)
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Log in and request a new verification mail.')
  await db.transaction(async (tx) => {
    const spent = await spendLink(tx, ['verify-email'], token)
    if (!spent) throw new AppError('BadTokenError', 'The link has already been used, or is not valid.')
    await markEmailVerified(tx, spent.accountId)
    await clearAccountFailures(tx, spent.accountId)
    await recordEvent(tx, { accountId: spent.accountId, event: 'email verified', device })
  })
}

/** Throws `TooManyRequestsError`, or `InvalidSessionError` if the account has just been deleted. */
export async function requestVerification(db: Database, accountId: string, locale: string | undefined): Promise<void> {
  await db.transaction(async (tx) => {
    if (!(await lockAccount(tx, accountId))) throw invalidSession()
    await enforceMailLimit(tx, accountId, 'verify-address')
    await queueMail(tx, { kind: 'verify-address', accountId }, locale)
  })
}
