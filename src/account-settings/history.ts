import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { accountEvents, listHistory } from '../accounts/audit-history.ts'
import type { Database } from '../database/database.ts'
import { bearer, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import type { RequireSession } from '../sessions/session.ts'

export const historyEntry = Type.Object({
  at: Type.Unsafe<Date>(Type.String({ format: 'date-time' })),
  event: Type.Enum([...accountEvents]),
  device: Type.String({ description: 'Roughly, such as "Firefox on Windows"; empty where it did not say' }),
  support_code: Type.Union([Type.String(), Type.Null()]),
})

export const historyRoute: FastifyPluginAsyncTypebox<{ db: Database; signedIn: RequireSession }> = async (
  app,
  { db, signedIn },
) => {
  const schema = {
    summary: 'What happened to the account',
    description: 'The newest first: at most 200 entries of the last year.',
    tags: ['Accounts'],
    security: bearer,
    response: { 200: Type.Array(historyEntry), ...errors('InvalidSessionError') },
  }
  app.get('/api/auth/history', { schema, onRequest: signedIn }, async (request, reply) => {
    reply.headers(noStore)
    return listHistory(db, request.session.accountId, 200)
  })
}
