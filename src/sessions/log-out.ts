import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { recordEvent } from '../accounts/audit-history.ts'
import type { Database } from '../database/database.ts'
import { describeDevice } from '../http/client.ts'
import { bearer, bodyErrors, errors } from '../http/schemas.ts'
import { endSession, type RequireSession, type Session } from './session.ts'

type Dependencies = { db: Database; signedIn: RequireSession }

export const logOutRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'Log out',
    description: 'Ends the session that the token names.',
    tags: ['Accounts'],
    security: bearer,
    response: { 204: Type.Null(), ...errors('InvalidSessionError', ...bodyErrors) },
  }
  app.delete('/api/auth/session', { schema, onRequest: signedIn }, async (request, reply) => {
    await logOut(db, request.session, describeDevice(request))
    return reply.code(204).send(null)
  })
}

export async function logOut(db: Database, session: Session, device: string): Promise<void> {
  await endSession(db, session)
  await recordEvent(db, { accountId: session.accountId, event: 'logged out', device })
}
