import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { historyEntry, listHistory } from '../accounts/audit-history.ts'
import type { Database } from '../database/database.ts'
import { bearer, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { deviceText } from '../i18n/format.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'

type Dependencies = { db: Database; signedIn: SignedIn }

export const historyRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'List the account’s activity',
    description: 'Newest first: up to 200 events from the last year.',
    tags: ['Accounts'],
    security: bearer,
    response: { 200: Type.Array(historyEntry), ...errors('InvalidSessionError') },
  }
  app.get('/api/auth/history', { schema, onRequest: signedIn }, async (request, reply) => {
    reply.headers(noStore)
    const entries = await listHistory(db, currentSession(request).accountId, 200)
    return entries.map((entry) => ({ ...entry, device: deviceText(entry.device) }))
  })
}
