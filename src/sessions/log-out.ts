import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { recordEvent } from '../accounts/audit-history.ts'
import type { Database } from '../database/database.ts'
import { readDevice } from '../http/client.ts'
import { bearer, bodyErrors, errors } from '../http/schemas.ts'
import type { Device } from '../i18n/format.ts'
import { currentSession, type SignedIn } from './require-session.ts'
import { logOutSession, type SessionKey } from './session.ts'

type Dependencies = { db: Database; signedIn: SignedIn }

export const logOutRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'Log out',
    description: 'Ends the session of the access token.',
    tags: ['Accounts'],
    security: bearer,
    response: { 204: Type.Null(), ...errors('InvalidSessionError', ...bodyErrors) },
  }
  app.delete('/api/auth/session', { schema, onRequest: signedIn }, async (request, reply) => {
    await logOut(db, currentSession(request), readDevice(request))
    return reply.code(204).send(null)
  })
}

export async function logOut(db: Database, session: SessionKey, device: Device): Promise<void> {
  await db.transaction(async (tx) => {
    const wasLive = await logOutSession(tx, session)
    if (wasLive) await recordEvent(tx, { accountId: session.accountId, event: 'logged out', device })
  })
}
