import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { closeAccount, eraseAccount, findAccount } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { undoDeadline } from '../accounts/email-changes.ts'
import type { Database } from '../database/database.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, body, bodyErrors, errors } from '../http/schemas.ts'
import { queueMail } from '../mail/outbox.ts'
import { lockByPassword, requirePassword } from '../passwords/confirm.ts'
import type { FailedLogins } from '../passwords/wrong-attempts.ts'
import { revokeAccess } from '../sessions/revoke-access.ts'
import type { RequireSession } from '../sessions/session.ts'

type Dependencies = CloseDependencies & { signedIn: RequireSession; limit: LimitByCaller }
type CloseDependencies = { db: Database; failures: FailedLogins }

export const deleteAccountRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { signedIn, limit } = dependencies
  const schema = {
    summary: 'Delete the account',
    description:
      'Needs the password, and ends every session. Where a change of address can still be undone, the account is only ' +
      'closed, and deleted when that time has passed.',
    tags: ['Accounts'],
    security: bearer,
    body: body({
      password: Type.String(),
      movies: Type.Enum(['keep', 'delete'], { description: 'What becomes of the movies that the account added' }),
    }),
    response: {
      200: Type.Object({ deleted_at: Type.Unsafe<Date>(Type.String({ format: 'date-time' })) }),
      ...errors('UnauthorizedError', 'InvalidSessionError', 'TooManyRequestsError', ...bodyErrors),
    },
  }
  const options = { schema, onRequest: signedIn, preHandler: limit('account-change') }
  app.delete('/api/auth/account', options, async (request) => {
    const { password, movies } = request.body
    const wish = { password, deleteMovies: movies === 'delete', client: readClient(request) }
    const { deletedAt } = await deleteAccount(dependencies, request.session.accountId, wish)
    return { deleted_at: deletedAt }
  })
}

type Wish = { password: string; deleteMovies: boolean; client: Client }

/** Answers when the account is deleted, and whether that has to wait. Throws `UnauthorizedError`. */
export async function deleteAccount(
  { db, failures }: CloseDependencies,
  accountId: string,
  { password, deleteMovies, client }: Wish,
): Promise<{ deletedAt: Date; isWaiting: boolean }> {
  const passwordHash = await requirePassword({ db, failures }, accountId, password)
  return db.transaction(async (tx) => {
    await lockByPassword(tx, accountId, passwordHash)
    const account = await findAccount(tx, accountId)
    const until = await undoDeadline(tx, accountId)
    // To the address, for the account may be gone by the time the mail is written.
    const params = { ...(until && { until: until.toISOString() }), ...(!account?.isVerified && { unverified: 'yes' }) }
    const email = account?.email ?? ''
    const locale = account?.locale ?? client.locale
    await queueMail(tx, { kind: 'account-deleted', email, params, locale })
    if (until) {
      await closeAccount(tx, accountId, { deleteAt: until, deleteMovies })
      await revokeAccess(tx, accountId, { because: 'account closed' })
      await recordEvent(tx, { accountId, event: 'deletion requested', device: client.device })
    } else await eraseAccount(tx, accountId, { deleteMovies })
    return { deletedAt: until ?? new Date(), isWaiting: until !== null }
  })
}
