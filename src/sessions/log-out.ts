import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { remember } from '../accounts/audit-history.ts'
import type { Database } from '../database/database.ts'
import { deviceOf } from '../http/device.ts'
import { bearer, bodyErrors, errors } from '../http/schemas.ts'
import { endSession, type RequireSession, type Session } from './session.ts'

type Dependencies = { db: Database; signedIn: RequireSession }

export const logOut: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'Log out',
    description: 'Ends the session that the token names.',
    tags: ['Accounts'],
    security: bearer,
    response: { 204: Type.Null(), ...errors('InvalidSessionError', ...bodyErrors) },
  }
  app.delete('/api/auth/session', { schema, onRequest: signedIn }, async (request, reply) => {
    await leave(db, request.session, deviceOf(request))
    return reply.code(204).send(null)
  })
}

export async function leave(db: Database, session: Session, device: string): Promise<void> {
  await endSession(db, session)
  await remember(db, { accountId: session.accountId, event: 'logged out', device })
}
