import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { freeze, muteResetMails } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { findChangeFrom, restorePreviousEmail } from '../accounts/email-changes.ts'
import { type Database, isUniqueViolation, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bodyErrors, emptyResponse, errors, nonEmptyText, strictObject } from '../http/schemas.ts'
import type { Device } from '../i18n/format.ts'
import { findLink, type LinkPurpose, revokeLinks, spendLink } from '../links/link.ts'
import { queueMail } from '../mail/outbox.ts'
import { revokeAccess } from '../sessions/revoke-access.ts'

type Dependencies = { db: Database; limit: LimitByCaller }

export const reportNotMeRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit }) => {
  const schema = {
    summary: 'Report "this wasn’t me" with the token from a mail',
    description:
      'With the token from a reset mail: revokes the reset links and pauses reset mails for an hour. With the token from ' +
      'a mail about a change: freezes the account, ends its sessions, disables its password and mails a new reset link.',
    tags: ['Recovery'],
    body: strictObject({ token: nonEmptyText }),
    response: { 200: emptyResponse, ...errors('BadTokenError', 'ExpiredTokenError', ...bodyErrors) },
  }
  app.post('/api/auth/not-me', { schema, preHandler: limit('link') }, async (request) => {
    await reportNotMe(db, request.body.token, readClient(request))
    return {}
  })
}

export const reportPurposes: ('report-request' | 'report-change')[] = ['report-request', 'report-change']

/**
 * Acts on a "this wasn't me" link and returns the purpose of the link. Throws `BadTokenError` or `ExpiredTokenError`.
 */
export async function reportNotMe(db: Database, token: string, client: Client): Promise<LinkPurpose> {
  const link = await findLink(db, reportPurposes, token)
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Reset your password instead.')
  const act = () => db.transaction((tx) => spendReport(tx, token, client))
  return act().catch((error: unknown) => {
    // Another account took the former email address just now, so it is not restored.
    if (isUniqueViolation(error)) return act()
    throw error
  })
}

async function spendReport(tx: Transaction, token: string, client: Client): Promise<LinkPurpose> {
  const spent = await spendLink(tx, reportPurposes, token)
  if (!spent) throw new AppError('BadTokenError', 'The link was already used, or is not valid.')
  const { accountId, purpose, params } = spent
  if (purpose === 'report-request') {
    await stopReset(tx, accountId, client.device)
    return purpose
  }
  await revertEmailChange(tx, { accountId, email: params['email'] ?? '', device: client.device })
  await freezeAndRecover(tx, accountId, client)
  return purpose
}

/** Revokes all reset links of the account and stops reset mails to it for an hour. */
async function stopReset(tx: Transaction, accountId: string, device: Device): Promise<void> {
  await revokeLinks(tx, accountId, ['reset-password'])
  await muteResetMails(tx, accountId)
  await recordEvent(tx, { accountId, event: 'reset reported', device })
}

type Reverted = { accountId: string; email: string; device: Device }

/**
 * Restores the email address that the reported mail went to, if the account has changed it since and no other
 * account has it. Otherwise the new reset link would go to whoever changed it.
 */
async function revertEmailChange(tx: Transaction, { accountId, email, device }: Reverted): Promise<void> {
  const change = await findChangeFrom(tx, accountId, email)
  if (!change || !(await restorePreviousEmail(tx, accountId, change))) return
  // Mails about changes have since gone to the other address. Whoever reads it must not be able to freeze the account
  // again.
  await revokeLinks(tx, accountId, ['report-change'])
  await recordEvent(tx, { accountId, event: 'email change undone', device })
}

/** Ends all access to an account and mails a reset link to its owner. */
export async function freezeAndRecover(tx: Transaction, accountId: string, { device, locale }: Client): Promise<void> {
  await freeze(tx, accountId)
  await revokeAccess(tx, accountId, { because: 'account frozen' })
  await recordEvent(tx, { accountId, event: 'account frozen', device })
  await queueMail(tx, { kind: 'reset-password', accountId, params: {} }, locale)
}
