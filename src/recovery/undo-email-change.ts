import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { recordEvent } from '../accounts/audit-history.ts'
import { restorePreviousEmail } from '../accounts/email-changes.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { body, bodyErrors, errors, nothing } from '../http/schemas.ts'
import { findActionLink, revokeActionLinks, spendActionLink } from '../links/action-link.ts'
import { freezeAndRecover } from './report-not-me.ts'

type Dependencies = { db: Database; limit: LimitByCaller }

export const undoEmailChangeRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit }) => {
  const schema = {
    summary: 'Undo a change of e-mail address with the token from the mail to the old one',
    description: 'The account goes back to the old address, is frozen, and a reset link is mailed there.',
    tags: ['Recovery'],
    body: body({ token: Type.String() }),
    response: { 200: nothing, ...errors('BadTokenError', 'ExpiredTokenError', 'TooManyRequestsError', ...bodyErrors) },
  }
  app.post('/api/auth/email/undo', { schema, preHandler: limit('link') }, async (request) => {
    await undoAddressChange(db, request.body.token, readClient(request))
    return {}
  })
}

/** Throws `BadTokenError` or `ExpiredTokenError`. */
export async function undoAddressChange(db: Database, token: string, client: Client): Promise<void> {
  const link = await findActionLink(db, ['undo-address'], token)
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'A change can be undone for 7 days.')
  await db.transaction(async (tx) => {
    const spent = await spendActionLink(tx, ['undo-address'], token)
    const email = spent && (await restorePreviousEmail(tx, spent.accountId, spent.params['change'] ?? ''))
    if (!email) throw new AppError('BadTokenError', 'The link was used already, or the change was undone.')
    await revokeActionLinks(tx, spent.accountId, ['not-me-change'])
    await recordEvent(tx, { accountId: spent.accountId, event: 'email change undone', device: client.device })
    await freezeAndRecover(tx, spent.accountId, client)
  })
}
