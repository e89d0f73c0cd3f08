import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { EndResetLinks } from '../accounts/account.ts'
import { enforceMailLimit } from '../accounts/account-limits.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { canonicalEmail, requireEmail } from '../accounts/email-address.ts'
import { changeEmail, isReservedForUndo } from '../accounts/email-changes.ts'
import { type Database, isUniqueViolation, sql, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, body, bodyErrors, errors, nothing } from '../http/schemas.ts'
import { findActionLink, revokeActionLinks, spendActionLink } from '../links/action-link.ts'
import { queueMail } from '../mail/outbox.ts'
import { lockByPassword, requirePassword } from '../passwords/confirm.ts'
import type { FailedLogins } from '../passwords/wrong-attempts.ts'
import type { RequireSession, Session } from '../sessions/session.ts'

type Dependencies = ConfirmDependencies & AskDependencies & { signedIn: RequireSession; limit: LimitByCaller }
type AskDependencies = { db: Database; failures: FailedLogins }
type ConfirmDependencies = { db: Database; endResetLinks: EndResetLinks }

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
    await confirmEmailChange(dependencies, request.body.token, readClient(request))
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
    await tx.query(sql`update accounts set pending_email = ${wish.email} where id = ${accountId}`)
    await recordEvent(tx, { accountId, event: 'email change requested', device })
    const params = { email: wish.email }
    await queueMail(tx, { kind: 'confirm-address', accountId, params, locale })
  })
}

/** Throws `BadTokenError`, `ExpiredTokenError`, or `EmailAlreadyExistsError`, which leaves the link usable. */
export async function confirmEmailChange(
  { db, endResetLinks }: ConfirmDependencies,
  token: string,
  client: Client,
): Promise<void> {
  const link = await findActionLink(db, ['confirm-address'], token)
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Ask for the change once more.')
  try {
    await db.transaction(async (tx) => {
      const accountId = await confirm(tx, token, client)
      await endResetLinks(tx, accountId)
    })
  } catch (error) {
    throw isUniqueViolation(error) ? new AppError('EmailAlreadyExistsError') : error
  }
}

async function confirm(tx: Transaction, token: string, { device, locale }: Client): Promise<string> {
  const link = await spendActionLink(tx, ['confirm-address'], token)
  const { accountId, params } = link ?? {}
  const [account] = await tx.query<{ pending: string | null }>(sql`
    select pending_email as pending from accounts where id = ${accountId ?? null}`)
  const email = params?.['email'] ?? ''
  const canonical = canonicalEmail(email)
  if (!accountId || !canonical || account?.pending !== email) {
    throw new AppError('BadTokenError', 'The link was used already, or another address was asked for since.')
  }
  const change = await changeEmail(tx, { accountId, email, canonical })
  // Asked after the move, which waits for whoever leaves the address at this moment.
  if (!change || (await isReservedForUndo(tx, canonical, accountId))) throw new AppError('EmailAlreadyExistsError')
  await revokeActionLinks(tx, accountId, ['not-me-request'])
  await recordEvent(tx, { accountId, event: 'email changed', device })
  await queueMail(tx, {
    kind: 'address-changed',
    accountId,
    params: { change: change.id, device },
    locale,
  })
  return accountId
}
