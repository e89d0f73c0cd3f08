import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { recordEvent } from '../accounts/audit-history.ts'
import { restorePreviousEmail } from '../accounts/email-changes.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bodyErrors, emptyResponse, errors, nonEmptyText, strictObject } from '../http/schemas.ts'
import { findLink, revokeLinks, spendLink } from '../links/link.ts'
import { freezeAndRecover } from './report-not-me.ts'

type Dependencies = { db: Database; limit: LimitByCaller }

export const undoEmailChangeRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit }) => {
  const schema = {
    summary: 'Undo a change of email address with the token mailed to the old address',
    description: 'The account gets its old email address back and is frozen, and a reset link is mailed there.',
    tags: ['Recovery'],
    body: strictObject({ token: nonEmptyText }),
    response: { 200: emptyResponse, ...errors('BadTokenError', 'ExpiredTokenError', ...bodyErrors) },
  }
  app.post('/api/auth/email/undo', { schema, preHandler: limit('link') }, async (request) => {
    await undoEmailChange(db, request.body.token, readClient(request))
    return {}
  })
}

/** Throws `BadTokenError` or `ExpiredTokenError`. */
export async function undoEmailChange(db: Database, token: string, client: Client): Promise<void> {
  const link = await findLink(db, ['undo-email-change'], token)
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'A change can be undone for 7 days.')
  await db.transaction(async (tx) => {
    const spent = await spendLink(tx, ['undo-email-change'], token)
    const email = spent && (await restorePreviousEmail(tx, spent.accountId, spent.params['change'] ?? ''))
    if (!email) throw new AppError('BadTokenError', 'The link was already used, or the change was undone.')
    const { accountId } = spent
    // Mails about changes have since gone to the other address. Whoever reads it must not be able to freeze the account
    // again.
    await revokeLinks(tx, accountId, ['report-change'])
    await recordEvent(tx, { accountId, event: 'email change undone', device: client.device })
    await freezeAndRecover(tx, accountId, client)
  })
}
