import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { recordEvent } from '../accounts/audit-history.ts'
import { requireEmail } from '../accounts/email-address.ts'
import { isReservedForUndo } from '../accounts/email-changes.ts'
import type { Config } from '../config/config.ts'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { body, bodyErrors, errors } from '../http/schemas.ts'
import { queueMail } from '../mail/outbox.ts'
import { hashPassword } from '../passwords/hashing.ts'
import { checkPassword } from '../passwords/rule.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Config }

export const signUpRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, config }) => {
  const schema = {
    summary: 'Create an account',
    tags: ['Accounts'],
    body: body({ email: Type.String({ examples: ['ada@example.org'] }), password: Type.String() }),
    response: {
      200: Type.Object({ id: Type.String() }),
      ...errors('EmailAlreadyExistsError', 'TooManyRequestsError', ...bodyErrors),
    },
  }
  app.post('/api/auth/signup', { schema, preHandler: limit('sign-up') }, async (request) => {
    return { id: await signUp(db, config, request.body, readClient(request)) }
  })
}

/** Throws `SchemaValidationError` or `EmailAlreadyExistsError`. Answers the account's id. */
export async function signUp(
  db: Database,
  config: Config,
  { email, password }: { email: string; password: string },
  { device, locale }: Client,
): Promise<string> {
  const canonical = requireEmail(email)
  checkPassword(password, { email, minLength: config.minPasswordLength })
  const passwordHash = await hashPassword(password)
  return db.transaction(async (tx) => {
    const [account] = await tx.query<{ id: string }>(sql`
      insert into accounts (email, email_canonical, password_hash, locale)
      values (${email}, ${canonical}, ${passwordHash}, ${locale ?? null})
      on conflict (email_canonical) do nothing
      returning id`)
    if (!account || (await isReservedForUndo(tx, canonical, account.id))) throw new AppError('EmailAlreadyExistsError')
    await recordEvent(tx, { accountId: account.id, event: 'signed up', device })
    await queueMail(tx, { kind: 'verify-address', accountId: account.id, locale })
    return account.id
  })
}
