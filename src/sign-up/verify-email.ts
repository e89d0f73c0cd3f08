import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { lockAccount } from '../accounts/account.ts'
import { enforceMailLimit } from '../accounts/account-limits.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { describeDevice, requestedLocale } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, body, bodyErrors, errors, nothing } from '../http/schemas.ts'
import { findActionLink, spendActionLink } from '../links/action-link.ts'
import { queueMail } from '../mail/outbox.ts'
import { invalidSession, type RequireSession } from '../sessions/session.ts'

type Dependencies = { db: Database; signedIn: RequireSession; limit: LimitByCaller }

export const verifyEmailRoutes: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn, limit }) => {
  const verify = {
    summary: 'Verify the e-mail address with the token from its mail',
    tags: ['Accounts'],
    body: body({ token: Type.String() }),
    response: { 200: nothing, ...errors('BadTokenError', 'ExpiredTokenError', 'TooManyRequestsError', ...bodyErrors) },
  }
  app.post('/api/auth/verify', { schema: verify, preHandler: limit('link') }, async (request) => {
    await verifyEmail(db, request.body.token, describeDevice(request))
    return {}
  })

  const send = {
    summary: 'Ask for another mail to verify the e-mail address',
    tags: ['Accounts'],
    security: bearer,
    response: { 200: nothing, ...errors('InvalidSessionError', 'TooManyRequestsError', ...bodyErrors) },
  }
  const options = { schema: send, onRequest: signedIn, preHandler: limit('verify-mail') }
  app.post('/api/auth/verify/mail', options, async (request) => {
    await requestVerification(db, request.session.accountId, requestedLocale(request))
    return {}
  })
}

/** Throws `TooManyRequestsError`, or `InvalidSessionError` where the account was deleted meanwhile. */
export async function requestVerification(db: Database, accountId: string, locale: string | undefined): Promise<void> {
  await db.transaction(async (tx) => {
    if (!(await lockAccount(tx, accountId))) throw invalidSession()
    await enforceMailLimit(tx, accountId, 'verify-address')
    await queueMail(tx, { kind: 'verify-address', accountId, locale })
  })
}

/** Throws `BadTokenError` or `ExpiredTokenError`. */
export async function verifyEmail(db: Database, token: string, device: string): Promise<void> {
  const link = await findActionLink(db, ['verify-address'], token)
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Log in and ask for another mail.')
  await db.transaction(async (tx) => {
    const spent = await spendActionLink(tx, ['verify-address'], token)
    // A link verifies the address that its mail went to, and none that the account has moved to since.
    const [account] = spent
      ? await tx.query<{ id: string }>(sql`
          update accounts set email_verified_at = coalesce(email_verified_at, now())
          where id = ${spent.accountId} and email = ${spent.params['email'] ?? ''}
          returning id`)
      : []
    if (!account) throw new AppError('BadTokenError', 'The link was used already, or is not one of ours.')
    await recordEvent(tx, { accountId: account.id, event: 'email verified', device })
  })
}
