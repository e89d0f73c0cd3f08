import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { findAccount, setPendingEmail } from '../accounts/account.ts'
import { enforceMailLimit } from '../accounts/account-limits.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { canonicalEmail, requireEmail } from '../accounts/email-address.ts'
import { changeEmail, isReservedForUndo } from '../accounts/email-changes.ts'
import { type Database, isUniqueViolation, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, body, bodyErrors, errors, nothing } from '../http/schemas.ts'
import { findLink, revokeLinks, spendLink } from '../links/link.ts'
import { queueMail } from '../mail/outbox.ts'
import { lockByPassword, requirePassword } from '../passwords/confirm.ts'
import type { FailedLogins } from '../passwords/wrong-attempts.ts'
import type { RequireSession, Session } from '../sessions/session.ts'

type Dependencies = AskDependencies & { signedIn: RequireSession; limit: LimitByCaller }
type AskDependencies = { db: Database; failures: FailedLogins }

export const changeEmailRoutes: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { signedIn, limit } = dependencies
  const ask = {
    summary: 'Ask for another e-mail address',
    description:
      'Needs the password. The address changes when the link in the mail to the new address is confirmed; the old ' +
      'address is told, and can undo it for 7 days.',
    tags: ['Accounts'],
    security: bearer,
    body: body({ email: Type.String(), password: Type.String() }),
    response: {
      200: nothing,
      ...errors('UnauthorizedError', 'InvalidSessionError', 'TooManyRequestsError', ...bodyErrors),
    },
  }
  const options = { schema: ask, onRequest: signedIn, preHandler: limit('account-change') }
  app.post('/api/auth/email', options, async (request) => {
    await requestEmailChange(dependencies, request.session, request.body, readClient(request))
    return {}
  })

  const confirm = {
    summary: 'Confirm another e-mail address with the token from its mail',
    tags: ['Accounts'],
    body: body({ token: Type.String() }),
    response: {
      200: nothing,
      ...errors('BadTokenError', 'ExpiredTokenError', 'EmailAlreadyExistsError', 'TooManyRequestsError', ...bodyErrors),
    },
  }
  app.post('/api/auth/email/confirm', { schema: confirm, preHandler: limit('link') }, async (request) => {
    await confirmEmailChange(dependencies.db, request.body.token, readClient(request))
    return {}
  })
}

type Wish = { email: string; password: string }

/** Only the newest wish counts. Whether somebody else has the address is told to who can read its mail, and not here. */
export async function requestEmailChange(
  { db, failures }: AskDependencies,
  { accountId }: Session,
  wish: Wish,
  { device, locale }: Client,
): Promise<void> {
  requireEmail(wish.email)
  const passwordHash = await requirePassword({ db, failures }, accountId, wish.password)
  await db.transaction(async (tx) => {
    await lockByPassword(tx, accountId, passwordHash)
    await enforceMailLimit(tx, accountId, 'confirm-address')
    await setPendingEmail(tx, accountId, wish.email)
    await recordEvent(tx, { accountId, event: 'email change requested', device })
    const params = { email: wish.email }
    await queueMail(tx, { kind: 'confirm-address', accountId, params, locale })
  })
}

/** Throws `BadTokenError`, `ExpiredTokenError`, or `EmailAlreadyExistsError`, which leaves the link usable. */
export async function confirmEmailChange(db: Database, token: string, client: Client): Promise<void> {
  const link = await findLink(db, ['confirm-email'], token)
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Ask for the change once more.')
  try {
    await db.transaction((tx) => confirm(tx, token, client))
  } catch (error) {
    throw isUniqueViolation(error) ? new AppError('EmailAlreadyExistsError') : error
  }
}

async function confirm(tx: Transaction, token: string, { device, locale }: Client): Promise<void> {
  const link = await spendLink(tx, ['confirm-email'], token)
  const { accountId, params } = link ?? {}
  const account = accountId && (await findAccount(tx, accountId))
  const email = params?.['email'] ?? ''
  const canonical = canonicalEmail(email)
  if (!accountId || !canonical || !account || account.pendingEmail !== email) {
    throw new AppError('BadTokenError', 'The link was used already, or another address was asked for since.')
  }
  const change = await changeEmail(tx, { accountId, email, canonical })
  // Asked after the move, which waits for whoever leaves the address at this moment.
  if (!change || (await isReservedForUndo(tx, canonical, accountId))) throw new AppError('EmailAlreadyExistsError')
  await revokeLinks(tx, accountId, ['reset-password', 'report-request'])
  await recordEvent(tx, { accountId, event: 'email changed', device })
  await queueMail(tx, {
    kind: 'address-changed',
    accountId,
    params: { change: change.id, device },
    locale,
  })
}
