import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { findAccount } from '../accounts/account.ts'
import type { Database, Queryable } from '../database/database.ts'
import { bearer, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { currentSession, invalidSession, type SignedIn } from '../sessions/require-session.ts'

type Dependencies = { db: Database; signedIn: SignedIn }

export const ownAccountSchema = Type.Object({
  id: Type.String(),
  email: Type.String(),
  is_verified: Type.Boolean(),
  pending_email: Type.Union([Type.String(), Type.Null()], { description: 'Requested, but not confirmed yet' }),
  language: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'Of pages and mails; `null` for the language that each request asks for',
  }),
  created_at: Type.Unsafe<Date>(Type.String({ format: 'date-time' })),
})

type OwnAccount = Static<typeof ownAccountSchema>

export const ownAccountRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'Get the account',
    tags: ['Accounts'],
    security: bearer,
    response: { 200: ownAccountSchema, ...errors('InvalidSessionError') },
  }
  app.get('/api/auth/account', { schema, onRequest: signedIn }, async (request, reply) => {
    reply.headers(noStore)
    return readOwnAccount(db, currentSession(request).accountId)
  })
}

/** Throws `InvalidSessionError` if the account was deleted after its session was checked. */
export async function readOwnAccount(db: Queryable, accountId: string): Promise<OwnAccount> {
  const account = await findAccount(db, accountId)
  if (!account) throw invalidSession()
  const { id, email, isVerified, pendingEmail, locale, createdAt } = account
  return { id, email, is_verified: isVerified, pending_email: pendingEmail, language: locale, created_at: createdAt }
}
