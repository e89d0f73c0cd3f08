import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { findAccount, setPassword } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, body, bodyErrors, errors, nothing } from '../http/schemas.ts'
import { queueMail } from '../mail/outbox.ts'
import { requirePassword } from '../passwords/confirm.ts'
import { hashPassword } from '../passwords/hashing.ts'
import { checkPassword } from '../passwords/rule.ts'
import type { FailedLogins } from '../passwords/wrong-attempts.ts'
import { revokeAccess } from '../sessions/revoke-access.ts'
import type { RequireSession, Session } from '../sessions/session.ts'

type Dependencies = {
  db: Database
  signedIn: RequireSession
  limit: LimitByCaller
  config: Config
  failures: FailedLogins
}

export const changePasswordRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { signedIn, limit } = dependencies
  const schema = {
    summary: 'Change the password',
    description: 'Needs the current one. Ends the other sessions of the account.',
    tags: ['Accounts'],
    security: bearer,
    body: body({ current_password: Type.String(), new_password: Type.String() }),
    response: {
      200: nothing,
      ...errors('UnauthorizedError', 'InvalidSessionError', 'TooManyRequestsError', ...bodyErrors),
    },
  }
  const options = { schema, onRequest: signedIn, preHandler: limit('account-change') }
  app.put('/api/auth/password', options, async (request) => {
    const { current_password: current, new_password: wanted } = request.body
    await changePassword(dependencies, request.session, { current, wanted, client: readClient(request) })
    return {}
  })
}

type Change = { current: string; wanted: string; client: Client }

/** Throws `UnauthorizedError` where the current password is wrong, also where it has been changed meanwhile. */
export async function changePassword(
  { db, config, failures }: Pick<Dependencies, 'db' | 'config' | 'failures'>,
  { id: sessionId, accountId }: Session,
  { current, wanted, client: { device, locale } }: Change,
): Promise<void> {
  const account = await findAccount(db, accountId)
  checkPassword(wanted, { email: account?.email ?? '', minLength: config.minPasswordLength }, 'new_password')
  const oldHash = await requirePassword({ db, failures }, accountId, current)
  const newHash = await hashPassword(wanted)
  await db.transaction(async (tx) => {
    if (!(await setPassword(tx, accountId, { from: oldHash, to: newHash }))) {
      throw new AppError('UnauthorizedError', 'The password has just been changed. Try again.')
    }
    await revokeAccess(tx, accountId, { because: 'password changed', keepSession: sessionId })
    await recordEvent(tx, { accountId, event: 'password changed', device })
    const params = { device }
    await queueMail(tx, { kind: 'password-changed', accountId, params, locale })
  })
}
