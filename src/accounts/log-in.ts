import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bodyErrors, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { signAccessToken, type TokenKey } from './access-token.ts'
import { canonicalAddress } from './email-address.ts'
import { isPasswordOf } from './password.ts'
import { beginSession } from './session.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Config; key: TokenKey }

export const logIn: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, config, key }) => {
  const schema = {
    summary: 'Log in',
    description: 'Fields other than these two are ignored.',
    tags: ['Accounts'],
    body: Type.Object({ email: Type.String(), password: Type.String() }),
    response: {
      200: Type.Object({ token: Type.String({ description: 'A JWT to send as `Authorization: Bearer <token>`' }) }),
      ...errors('UnauthorizedError', 'TooManyRequestsError', ...bodyErrors),
    },
  }
  app.post('/api/auth/login', { schema, preHandler: limit('log-in') }, async (request, reply) => {
    const session = await openSession(db, config, request.body)
    reply.headers(noStore)
    return { token: await signAccessToken(key, session) }
  })
}

/** Throws `UnauthorizedError`, after the same work for an account that does not exist as for a wrong password. */
async function openSession(db: Database, config: Config, { email, password }: { email: string; password: string }) {
  const [account] = await db.query<{ id: string; passwordHash: string }>(sql`
    select id, password_hash as "passwordHash"
    from accounts
    where email_canonical = ${canonicalAddress(email) ?? ''}`)
  const isRight = await isPasswordOf(account?.passwordHash, password)
  const session = account && isRight && (await beginSession(db, account, config.sessionTtlMs))
  if (!session) throw new AppError('UnauthorizedError')
  return session
}
