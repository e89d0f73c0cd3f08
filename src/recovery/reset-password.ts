import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { findPasswordHash, setPassword } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import { counter } from '../http/counter.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bodyErrors, emptyResponse, errors, nonEmptyText, strictObject } from '../http/schemas.ts'
import { findLink, type Link, spendLink } from '../links/link.ts'
import { queueMail } from '../mail/outbox.ts'
import { hashPassword, verifyPassword } from '../passwords/hashing.ts'
import { checkPassword, type PasswordRule } from '../passwords/rule.ts'
import { revokeAccess } from '../sessions/revoke-access.ts'

type Dependencies = { db: Database; limit: LimitByCaller; rule: PasswordRule }

export const resetPasswordRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, limit, rule } = dependencies
  const schema = {
    summary: 'Set a new password with the token from the mail',
    description:
      'Ends every session of the account. A token works once. The same token with the same password within 15 minutes, ' +
      'as a double click sends it, gets the same response. A refused password leaves the token usable.',
    tags: ['Recovery'],
    body: strictObject({ reset_token: nonEmptyText, password: nonEmptyText }),
    response: { 200: emptyResponse, ...errors('BadTokenError', 'ExpiredTokenError', ...bodyErrors) },
  }
  app.post('/api/auth/reset', { schema, preHandler: limit('reset-password') }, async (request) => {
    const { reset_token: token, password } = request.body
    await resetPassword({ db, rule }, { token, password }, readClient(request))
    return {}
  })
}

/**
 * Sets the password of the link's account and returns the account's id. Throws `BadTokenError`, `ExpiredTokenError`, or
 * `SchemaValidationError` if the password is not acceptable.
 */
export async function resetPassword(
  { db, rule }: Pick<Dependencies, 'db' | 'rule'>,
  { token, password }: { token: string; password: string },
  client: Client,
): Promise<{ accountId: string }> {
  const link = await findLink(db.reads, ['reset-password'], token)
  if (link?.state !== 'live') return acceptRepeatOrExplain(db, link, password)
  await checkPassword(rule, { password, email: link.email })
  const passwordHash = await hashPassword(password)
  const spent = await spendAndReplace(db, { token, passwordHash, client })
  // Another request has spent the link first, or it has been revoked in the meantime.
  return spent ?? acceptRepeatOrExplain(db, await findLink(db, ['reset-password'], token), password)
}

type Replacement = { token: string; passwordHash: string; client: Client }

/** Spends the link, sets the password, revokes access and queues the confirmation mail, in one transaction. */
function spendAndReplace(
  db: Database,
  { token, passwordHash, client: { device, locale } }: Replacement,
): Promise<{ accountId: string } | undefined> {
  return db.transaction(async (tx) => {
    const spent = await spendLink(tx, ['reset-password'], token)
    if (!spent) return undefined
    const { accountId } = spent
    await Promise.all([
      setPassword(tx, accountId, passwordHash),
      revokeAccess(tx, accountId, { because: 'password reset' }),
      recordEvent(tx, { accountId, event: 'password reset', device }),
      queueMail(tx, { kind: 'password-reset-successful', accountId, params: { device } }, locale),
    ])
    return { accountId }
  })
}

async function acceptRepeatOrExplain(
  db: Database,
  link: Link | undefined,
  password: string,
): Promise<{ accountId: string }> {
  if (link?.state === 'expired') throw new AppError('ExpiredTokenError', 'Request a new link.')
  if (link?.state === 'spent' && (await isDoubleSubmit(db, link, password))) return link
  throw new AppError('BadTokenError', 'The link was used, replaced or revoked, or is mistyped. Request a new one.')
}

const repeats = { name: 'reset-repeats', points: 10, seconds: 15 * 60, cachesRefusals: false }

/**
 * Returns whether this link set this password within the last 15 minutes. At most ten passwords are compared: whoever
 * finds a spent link in a proxy log must not be able to guess the password with it.
 */
async function isDoubleSubmit(db: Database, { accountId, endedSecondsAgo }: Link, password: string): Promise<boolean> {
  if (endedSecondsAgo === null || endedSecondsAgo > repeats.seconds) return false
  if (!(await counter(db, repeats)(accountId)).isAllowed) return false
  return verifyPassword(await findPasswordHash(db, accountId), password)
}
