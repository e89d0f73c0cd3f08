import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { freeze } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { findChangeFrom, restorePreviousEmail } from '../accounts/email-changes.ts'
import { type Database, sql, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { body, bodyErrors, errors, nothing } from '../http/schemas.ts'
import { findActionLink, type LinkPurpose, revokeActionLinks, spendActionLink } from '../links/action-link.ts'
import { revokeResetLinks } from '../links/reset-link.ts'
import { queueMail } from '../mail/outbox.ts'
import { forgetBrowsers } from '../sessions/known-browser.ts'
import { endSessions } from '../sessions/session.ts'

type Dependencies = { db: Database; limit: LimitByCaller }

export const reportNotMeRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit }) => {
  const schema = {
    summary: 'Say "this wasn’t me" with the token from a mail',
    description:
      'From the mail with a reset link: cancels the links, and no further one is mailed for an hour. From a mail that ' +
      'tells of a change: freezes the account, ends its sessions, voids its password and mails a new reset link.',
    tags: ['Recovery'],
    body: body({ token: Type.String() }),
    response: { 200: nothing, ...errors('BadTokenError', 'ExpiredTokenError', 'TooManyRequestsError', ...bodyErrors) },
  }
  app.post('/api/auth/not-me', { schema, preHandler: limit('link') }, async (request) => {
    await reportNotMe(db, request.body.token, readClient(request))
    return {}
  })
}

export const reportPurposes: LinkPurpose[] = ['not-me-request', 'not-me-change']

/** Throws `BadTokenError` or `ExpiredTokenError`. Answers which of the two kinds of link it was. */
export async function reportNotMe(db: Database, token: string, client: Client): Promise<LinkPurpose> {
  const link = await findActionLink(db, reportPurposes, token)
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Ask for a new password instead.')
  return db.transaction(async (tx) => {
    const spent = await spendActionLink(tx, reportPurposes, token)
    if (!spent) throw new AppError('BadTokenError', 'The link was used already, or is not one of ours.')
    const { accountId, purpose, params } = spent
    if (purpose === 'not-me-request') {
      await cancelRequest(tx, accountId, client.device)
      return purpose
    }
    await revertEmailChange(tx, accountId, params['email'] ?? '', client.device)
    await freezeAndRecover(tx, accountId, client)
    return purpose
  })
}

/** Whoever asked gets no link that works, and cannot have the owner mailed again for an hour. */
async function cancelRequest(tx: Transaction, accountId: string, device: string): Promise<void> {
  await revokeResetLinks(tx, accountId)
  await tx.query(sql`update accounts set reset_quiet_until = now() + interval '1 hour' where id = ${accountId}`)
  await recordEvent(tx, { accountId, event: 'reset reported', device })
}

/** Whoever changed something may have moved the account since; the new link must not go to them. */
async function revertEmailChange(tx: Transaction, accountId: string, email: string, device: string): Promise<void> {
  const change = await findChangeFrom(tx, accountId, email)
  if (!change || !(await restorePreviousEmail(tx, accountId, change))) return
  // Mails about changes went to the other address since: its reader must not freeze the account once more.
  await revokeActionLinks(tx, accountId, ['not-me-change'])
  await recordEvent(tx, { accountId, event: 'email change undone', device })
}

/** Nobody gets in any more but by the mail that is sent to the owner now. */
export async function freezeAndRecover(tx: Transaction, accountId: string, { device, locale }: Client): Promise<void> {
  await freeze(tx, accountId)
  await endSessions(tx, accountId)
  await revokeResetLinks(tx, accountId)
  await revokeActionLinks(tx, accountId, ['confirm-address', 'not-me-request'])
  await forgetBrowsers(tx, accountId)
  await recordEvent(tx, { accountId, event: 'account frozen', device })
  await queueMail(tx, { kind: 'reset-password', accountId, locale })
}
