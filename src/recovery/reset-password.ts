import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { setPassword } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import type { Config } from '../config/config.ts'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { body, bodyErrors, errors, nothing } from '../http/schemas.ts'
import { findResetLink, type ResetLink, spendResetLink } from '../links/reset-link.ts'
import { queueMail } from '../mail/outbox.ts'
import { checkPassword, hashPassword, verifyPassword } from '../passwords/password.ts'
import { clearFailuresOf } from '../passwords/wrong-attempts.ts'
import { forgetBrowsers } from '../sessions/known-browser.ts'
import { endSessions } from '../sessions/session.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Config }

export const resetPasswordRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, config }) => {
  const schema = {
    summary: 'Set a new password with the token from the mail',
    description:
      'Ends every session of the account. A token works once; the same token with the same password again within 15 ' +
      'minutes, as a double click sends it, is answered the same. A refused password leaves the token usable.',
    tags: ['Recovery'],
    body: body({ reset_token: Type.String(), password: Type.String() }),
    response: { 200: nothing, ...errors('BadTokenError', 'ExpiredTokenError', 'TooManyRequestsError', ...bodyErrors) },
  }
  app.post('/api/auth/reset', { schema, preHandler: limit('reset-password') }, async (request) => {
    const { reset_token: token, password } = request.body
    await resetPassword(db, config, { token, password, client: readClient(request) })
    return {}
  })
}

type Attempt = { token: string; password: string; client: Client }

/** Throws `BadTokenError`, `ExpiredTokenError`, or `SchemaValidationError` for a password that will not do. */
export async function resetPassword(db: Database, config: Config, attempt: Attempt): Promise<void> {
  const link = await findResetLink(db, attempt.token)
  if (link?.state !== 'live') return acceptRepeatOrExplain(db, link, attempt.password)
  checkPassword(attempt.password, { email: link.email, minLength: config.minPasswordLength })
  const passwordHash = await hashPassword(attempt.password)
  const isDone = await replacePassword(db, attempt, passwordHash)
  // Somebody was faster, or the link ended meanwhile: the same question is asked of it once more.
  if (!isDone) await acceptRepeatOrExplain(db, await findResetLink(db, attempt.token), attempt.password)
}

/** All or nothing: the link is spent, the password is new, the sessions are over, and the mail that says so is queued. */
function replacePassword(
  db: Database,
  { token, client: { device, locale } }: Attempt,
  passwordHash: string,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const spent = await spendResetLink(tx, token)
    if (!spent) return false
    await setPassword(tx, spent.accountId, passwordHash)
    await endSessions(tx, spent.accountId)
    await forgetBrowsers(tx, spent.accountId)
    await clearFailuresOf(tx, spent.accountId)
    await recordEvent(tx, { accountId: spent.accountId, event: 'password reset', device })
    await queueMail(tx, {
      kind: 'password-reset-successful',
      accountId: spent.accountId,
      params: { device },
      locale,
    })
    return true
  })
}

/** A double click has already done what it asks for; anybody else is told what is wrong with the link. */
async function acceptRepeatOrExplain(db: Database, link: ResetLink | undefined, password: string): Promise<void> {
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Ask for a new mail.')
  if (link?.state === 'used' && (await isDoubleSubmit(db, link, password))) return
  throw new AppError('BadTokenError', 'The link was used, replaced or mistyped. Ask for a new mail.')
}

async function isDoubleSubmit(
  db: Database,
  { accountId, endedSecondsAgo }: ResetLink,
  password: string,
): Promise<boolean> {
  if (endedSecondsAgo === null || endedSecondsAgo > 15 * 60) return false
  const [account] = await db.query<{ passwordHash: string }>(sql`
    select password_hash as "passwordHash" from accounts where id = ${accountId}`)
  return verifyPassword(account?.passwordHash, password)
}
