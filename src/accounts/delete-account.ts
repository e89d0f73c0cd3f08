import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import { type Database, type Queryable, sql } from '../database/database.ts'
import { deviceOf } from '../http/device.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, body, bodyErrors, errors } from '../http/schemas.ts'
import { queueMail } from '../mail/outbox.ts'
import { undoableUntil } from './address-change.ts'
import { remember } from './history.ts'
import { requirePassword } from './require-password.ts'
import { endSessions, type RequireSession } from './session.ts'

type Dependencies = { db: Database; signedIn: RequireSession; limit: LimitByCaller; config: Config }

export const deleteAccount: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn, limit, config }) => {
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
    const wish = { password, deleteMovies: movies === 'delete', device: deviceOf(request) }
    return { deleted_at: await closeAccount(db, config, request.session.accountId, wish) }
  })
}

type Wish = { password: string; deleteMovies: boolean; device: string }

/** Answers when the account is deleted. Throws `UnauthorizedError`. */
export async function closeAccount(db: Database, config: Config, accountId: string, wish: Wish): Promise<Date> {
  await requirePassword(db, accountId, wish.password)
  const deleteAt = await db.transaction(async (tx) => {
    const until = await undoableUntil(tx, accountId)
    const [account] = await tx.query<{ email: string; deleteAt: Date }>(sql`
      update accounts
      set delete_at = coalesce(${until}, now()), delete_movies = ${wish.deleteMovies}, password_hash = null,
        frozen_at = now(), pending_email = null
      where id = ${accountId}
      returning email, delete_at as "deleteAt"`)
    if (!account) throw new Error(`The account ${accountId} was deleted during the request.`)
    await endSessions(tx, accountId)
    await remember(tx, { accountId, event: 'deletion asked', device: wish.device })
    // To the address, for the account may be gone by the time the mail is written.
    const params = { at: account.deleteAt.toISOString() }
    await queueMail(tx, { kind: 'account-deleted', address: account.email, params, locale: config.defaultLocale })
    return account.deleteAt
  })
  await deleteClosedAccounts(db)
  return deleteAt
}

/** Deletes the accounts whose time has come, with their movies where their owner wanted that. */
export async function deleteClosedAccounts(db: Queryable): Promise<void> {
  await db.query(sql`
    with due as (
      select id, delete_movies from accounts where delete_at <= now() for update skip locked
    ), movies_deleted as (
      delete from movies where added_by in (select id from due where delete_movies)
    )
    delete from accounts where id in (select id from due)`)
}
