import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, type Queryable, sql } from '../database/database.ts'
import { bearer, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { invalidSession, type RequireSession } from '../sessions/session.ts'

export const ownAccountSchema = Type.Object({
  id: Type.String(),
  email: Type.String(),
  is_verified: Type.Boolean(),
  pending_email: Type.Union([Type.String(), Type.Null()], { description: 'Asked for, and not yet confirmed' }),
  language: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'Of pages and mails; `null` where it is what each request asks for',
  }),
  created_at: Type.Unsafe<Date>(Type.String({ format: 'date-time' })),
})

export type OwnAccount = {
  id: string
  email: string
  is_verified: boolean
  pending_email: string | null
  language: string | null
  created_at: Date
}

export const ownAccountRoute: FastifyPluginAsyncTypebox<{ db: Database; signedIn: RequireSession }> = async (
  app,
  { db, signedIn },
) => {
  const schema = {
    summary: 'The account of the session',
    tags: ['Accounts'],
    security: bearer,
    response: { 200: ownAccountSchema, ...errors('InvalidSessionError') },
  }
  app.get('/api/auth/account', { schema, onRequest: signedIn }, async (request, reply) => {
    reply.headers(noStore)
    return readOwnAccount(db, request.session.accountId)
  })
}

/** Throws `InvalidSessionError` where the account was deleted since its session was checked. */
export async function readOwnAccount(db: Queryable, accountId: string): Promise<OwnAccount> {
  const [account] = await db.query<OwnAccount>(sql`
    select id, email, email_verified_at is not null as is_verified, pending_email, locale as language, created_at
    from accounts
    where id = ${accountId}`)
  if (!account) throw invalidSession()
  return account
}
