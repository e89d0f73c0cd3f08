import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { lockAccount, setPendingEmail } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { canonicalEmail, requireNewEmail } from '../accounts/email-address.ts'
import { changeEmail, isReservedForUndo } from '../accounts/email-changes.ts'
import { enforceMailLimit } from '../accounts/mail-limits.ts'
import type { Config } from '../config/config.ts'
import { type Database, isUniqueViolation, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, bodyErrors, emptyResponse, errors, nonEmptyText, strictObject } from '../http/schemas.ts'
import { findLink, revokeLinks, spendLink } from '../links/link.ts'
import { queueMail } from '../mail/outbox.ts'
import { confirmPassword, requireSamePassword } from '../passwords/confirm.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'
import type { SessionKey } from '../sessions/session.ts'

type EmailChangeDependencies = { db: Database; config: Pick<Config, 'production'> }
type Dependencies = EmailChangeDependencies & { signedIn: SignedIn; limit: LimitByCaller }

export const changeEmailRoutes: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, config, signedIn, limit } = dependencies
  const requestSchema = {
    summary: 'Request a change of email address',
    description:
      'Needs the password. The email address changes once the link in the mail to the new one is confirmed. The old ' +
      'one is notified and, if it was verified, can undo the change for 7 days.',
    tags: ['Accounts'],
    security: bearer,
    body: strictObject({ email: Type.String(), password: Type.String() }),
    response: {
      200: emptyResponse,
      ...errors('UnauthorizedError', 'InvalidSessionError', ...bodyErrors),
    },
  }
  const options = { schema: requestSchema, onRequest: signedIn, preHandler: limit('account-change') }
  app.post('/api/auth/email', options, async (request) => {
    const change = { ...request.body, client: readClient(request) }
    await requestEmailChange({ db, config }, currentSession(request), change)
    return {}
  })

  const confirmSchema = {
    summary: 'Confirm a change of email address with the token from the mail',
    tags: ['Accounts'],
    body: strictObject({ token: nonEmptyText }),
    response: {
      200: emptyResponse,
      ...errors('BadTokenError', 'ExpiredTokenError', 'EmailAlreadyExistsError', ...bodyErrors),
    },
  }
  app.post('/api/auth/email/confirm', { schema: confirmSchema, preHandler: limit('link') }, async (request) => {
    await confirmEmailChange(db, request.body.token, readClient(request))
    return {}
  })
}

type EmailChange = { email: string; password: string; client: Client }

/**
 * Replaces an earlier request. Only someone who can read mail sent to the new address learns whether another account
 * has it. Throws `SchemaValidationError`, `UnauthorizedError` or `TooManyRequestsError`.
 */
export async function requestEmailChange(
  { db, config }: EmailChangeDependencies,
  session: SessionKey,
  { email: typed, password, client: { device, locale } }: EmailChange,
): Promise<void> {
  const email = typed.trim()
  requireNewEmail(email, config)
  const { accountId } = session
  const passwordHash = await confirmPassword(db, session, password)
  await db.transaction(async (tx) => {
    await requireSamePassword(tx, accountId, passwordHash)
    await enforceMailLimit(tx, accountId, 'confirm-address')
    await setPendingEmail(tx, accountId, email)
    await recordEvent(tx, { accountId, event: 'email change requested', device })
    await queueMail(tx, { kind: 'confirm-address', accountId, params: { email } }, locale)
  })
}

/** Throws `BadTokenError`, `ExpiredTokenError`, or `EmailAlreadyExistsError`, which leaves the link usable. */
export async function confirmEmailChange(db: Database, token: string, client: Client): Promise<void> {
  const link = await findLink(db, ['confirm-email'], token)
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Request the change again.')
  try {
    await db.transaction((tx) => changeToPendingEmail(tx, token, client))
  } catch (error) {
    throw isUniqueViolation(error) ? new AppError('EmailAlreadyExistsError') : error
  }
}

async function changeToPendingEmail(tx: Transaction, token: string, { device }: Client): Promise<void> {
  const link = await spendLink(tx, ['confirm-email'], token)
  const account = link && (await lockAccount(tx, link.accountId))
  const email = link?.params['email'] ?? ''
  const canonical = canonicalEmail(email)
  if (!account || !canonical || account.pendingEmail !== email) {
    throw new AppError(
      'BadTokenError',
      'The link has already been used, or a different email address has been requested since.',
    )
  }
  const accountId = account.id
  const change = await changeEmail(tx, { accountId, email, canonical })
  // Checked after the change, because the change waits for a concurrent one in which another account gives up this
  // address.
  if (!change || (await isReservedForUndo(tx, canonical, accountId))) throw new AppError('EmailAlreadyExistsError')
  await revokeLinks(tx, accountId, ['reset-password', 'report-request'])
  await recordEvent(tx, { accountId, event: 'email changed', device })
  await queueMail(tx, { kind: 'address-changed', accountId, params: { change: change.id, device } })
}
