import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { findAccount, replacePasswordHash, setPendingEmail } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import type { Database, Transaction } from '../database/database.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, bodyErrors, emptyResponse, errors, strictObject } from '../http/schemas.ts'
import { queueMail } from '../mail/outbox.ts'
import { confirmPassword, passwordHasChanged } from '../passwords/confirm.ts'
import { hashPassword } from '../passwords/hashing.ts'
import { checkPassword, type PasswordRule } from '../passwords/rule.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'
import { revokeAccess } from '../sessions/revoke-access.ts'
import type { SessionKey } from '../sessions/session.ts'

type ChangeDependencies = { db: Database; rule: PasswordRule }
type Dependencies = ChangeDependencies & { signedIn: SignedIn; limit: LimitByCaller }

export const changePasswordRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { signedIn, limit } = dependencies
  const schema = {
    summary: 'Change the password',
    description: 'Needs the current password. Ends the account’s other sessions.',
    tags: ['Accounts'],
    security: bearer,
    body: strictObject({ current_password: Type.String(), new_password: Type.String() }),
    response: {
      200: emptyResponse,
      ...errors('UnauthorizedError', 'InvalidSessionError', ...bodyErrors),
    },
  }
  const options = { schema, onRequest: signedIn, preHandler: limit('account-change') }
  app.put('/api/auth/password', options, async (request) => {
    const { current_password: current, new_password: wanted } = request.body
    await changePassword(dependencies, currentSession(request), { current, wanted, client: readClient(request) })
    return {}
  })
}

type PasswordChange = { current: string; wanted: string; client: Client }

/** Throws `UnauthorizedError` if the current password is wrong or has just been changed, or `SchemaValidationError`. */
export async function changePassword(
  { db, rule }: ChangeDependencies,
  session: SessionKey,
  { current, wanted, client }: PasswordChange,
): Promise<void> {
  const account = await findAccount(db, session.accountId)
  await checkPassword(rule, { password: wanted, email: account?.email ?? '', field: 'new_password' })
  const from = await confirmPassword(db, session, current)
  const to = await hashPassword(wanted)
  await db.transaction((tx) => replacePassword(tx, session, { from, to, client }))
}

async function replacePassword(
  tx: Transaction,
  { id, accountId }: SessionKey,
  { from, to, client: { device } }: { from: string; to: string; client: Client },
): Promise<void> {
  if (!(await replacePasswordHash(tx, accountId, { from, to }))) throw passwordHasChanged()
  // Anyone who knew the old password may have requested an email change, and could still confirm it.
  await setPendingEmail(tx, accountId, null)
  await revokeAccess(tx, accountId, { because: 'password changed', keepSession: id })
  await recordEvent(tx, { accountId, event: 'password changed', device })
  await queueMail(tx, { kind: 'password-changed', accountId, params: { device } })
}
