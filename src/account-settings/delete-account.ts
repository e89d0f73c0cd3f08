import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { deleteAccountRow, findAccount, freeze, scheduleDeletion } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { undoDeadline } from '../accounts/email-changes.ts'
import type { Database, Transaction } from '../database/database.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, bodyErrors, errors, strictObject } from '../http/schemas.ts'
import { queueMail } from '../mail/outbox.ts'
import { deleteMoviesAddedBy } from '../movies/delete-movie.ts'
import { confirmPassword, requireSamePassword } from '../passwords/confirm.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'
import { revokeAccess } from '../sessions/revoke-access.ts'
import type { SessionKey } from '../sessions/session.ts'

type Dependencies = { db: Database; signedIn: SignedIn; limit: LimitByCaller }

export const deleteAccountRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, signedIn, limit } = dependencies
  const schema = {
    summary: 'Delete the account',
    description:
      'Needs the password. Ends every session. If a change of email address can still be undone, the account is closed ' +
      'and deleted when that time is over.',
    tags: ['Accounts'],
    security: bearer,
    body: strictObject({
      password: Type.String(),
      movies: Type.Enum(['keep', 'delete'], { description: 'What to do with the movies that the account added' }),
    }),
    response: {
      200: Type.Object({ deleted_at: Type.Unsafe<Date>(Type.String({ format: 'date-time' })) }),
      ...errors('UnauthorizedError', 'InvalidSessionError', ...bodyErrors),
    },
  }
  const options = { schema, onRequest: signedIn, preHandler: limit('account-change') }
  app.delete('/api/auth/account', options, async (request) => {
    const { password, movies } = request.body
    const deletion = { password, deleteMovies: movies === 'delete', client: readClient(request) }
    const { deletedAt } = await deleteAccount(db, currentSession(request), deletion)
    return { deleted_at: deletedAt }
  })
}

type Deletion = { deleteMovies: boolean; client: Client }

/** Returns when the account is or will be deleted, and whether deletion is delayed. Throws `UnauthorizedError`. */
export async function deleteAccount(
  db: Database,
  session: SessionKey,
  { password, ...deletion }: Deletion & { password: string },
): Promise<{ deletedAt: Date; isWaiting: boolean }> {
  const { accountId } = session
  const passwordHash = await confirmPassword(db, session, password)
  return db.transaction(async (tx) => {
    await requireSamePassword(tx, accountId, passwordHash)
    const until = await undoDeadline(tx, accountId)
    await queueDeletionMail(tx, accountId, until)
    if (until) await closeAccount(tx, accountId, { ...deletion, until })
    else await eraseAccount(tx, accountId, deletion)
    return { deletedAt: until ?? new Date(), isWaiting: until !== null }
  })
}

/** The mail goes to the email address, not to the account, which may be gone when the mail is written. */
async function queueDeletionMail(tx: Transaction, accountId: string, until: Date | null): Promise<void> {
  const account = await findAccount(tx, accountId)
  if (!account) return
  const { email, isVerified } = account
  const params = { until: until?.toISOString() ?? null, isVerified }
  await queueMail(tx, { kind: 'account-deleted', email, params }, account.warningLocale ?? undefined)
}

/** Freezes the account until the purge deletes it. */
async function closeAccount(
  tx: Transaction,
  accountId: string,
  { until, deleteMovies, client: { device } }: Deletion & { until: Date },
): Promise<void> {
  await freeze(tx, accountId)
  await scheduleDeletion(tx, accountId, { at: until, deleteMovies })
  await revokeAccess(tx, accountId, { because: 'account closed' })
  await recordEvent(tx, { accountId, event: 'deletion requested', device })
}

/** Deletes the account, and the movies it added if the owner chose so. */
export async function eraseAccount(
  tx: Transaction,
  accountId: string,
  { deleteMovies }: { deleteMovies: boolean },
): Promise<void> {
  if (deleteMovies) await deleteMoviesAddedBy(tx, accountId)
  await deleteAccountRow(tx, accountId)
}
