import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { createAccount } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { requireNewEmail } from '../accounts/email-address.ts'
import { isReservedForUndo } from '../accounts/email-changes.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bodyErrors, errors, strictObject } from '../http/schemas.ts'
import { queueMail } from '../mail/outbox.ts'
import { hashPassword } from '../passwords/hashing.ts'
import { checkPassword, type PasswordRule } from '../passwords/rule.ts'
import { clearAccountFailures } from '../passwords/throttle.ts'

type SignUpDependencies = { db: Database; rule: PasswordRule; config: Pick<Config, 'production' | 'signUp'> }
type Dependencies = SignUpDependencies & { limit: LimitByCaller }

const credentials = strictObject({ email: Type.String({ examples: ['ada@example.org'] }), password: Type.String() })

export const signUpRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { limit, ...dependencies }) => {
  const schema = {
    summary: 'Create an account',
    tags: ['Accounts'],
    body: credentials,
    response: {
      200: Type.Object({ id: Type.String() }),
      ...errors('SignUpClosedError', 'EmailAlreadyExistsError', ...bodyErrors),
    },
  }
  app.post('/api/auth/signup', { schema, preHandler: limit('sign-up') }, async (request) => {
    const { id } = await signUp(dependencies, request.body, readClient(request))
    return { id }
  })
}

/** Returns the new account. Throws `SignUpClosedError`, `SchemaValidationError` or `EmailAlreadyExistsError`. */
export async function signUp(
  { db, rule, config }: SignUpDependencies,
  { email: typed, password }: Static<typeof credentials>,
  { device, locale }: Client,
): Promise<{ id: string; passwordHash: string }> {
  if (config.signUp === 'closed') {
    throw new AppError('SignUpClosedError', 'This Movie Bag accepts no new accounts. Existing accounts can log in.')
  }
  const email = typed.trim()
  const canonical = requireNewEmail(email, config)
  await checkPassword(rule, { password, email })
  const passwordHash = await hashPassword(password)
  return db.transaction(async (tx) => {
    const id = await createAccount(tx, { email, canonical, passwordHash, locale })
    if (!id || (await isReservedForUndo(tx, canonical, id))) throw new AppError('EmailAlreadyExistsError')
    // Guesses made before there was an account do not slow down its owner.
    await Promise.all([
      clearAccountFailures(tx, id),
      recordEvent(tx, { accountId: id, event: 'signed up', device }),
      queueMail(tx, { kind: 'verify-address', accountId: id }, locale),
    ])
    return { id, passwordHash }
  })
}
