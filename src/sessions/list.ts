import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { recordEvent } from '../accounts/audit-history.ts'
import { type Database, type Queryable, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { describeDevice } from '../http/client.ts'
import { bearer, bodyErrors, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { endSession, endSessions, type RequireSession, type Session } from './session.ts'

type Dependencies = { db: Database; signedIn: RequireSession }

export const listedSession = Type.Object({
  id: Type.String(),
  device: Type.String({ description: 'Roughly, such as "Firefox on Windows"; empty where it did not say' }),
  address: Type.String({ description: 'The IP address of the login' }),
  created_at: Type.Unsafe<Date>(Type.String({ format: 'date-time' })),
  last_used_at: Type.Unsafe<Date>(Type.String({ format: 'date-time', description: 'To five minutes' })),
  is_current: Type.Boolean(),
})

type ListedSession = {
  id: string
  device: string
  address: string
  created_at: Date
  last_used_at: Date
  is_current: boolean
}

export const sessionRoutes: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const common = { tags: ['Accounts'], security: bearer }
  const list = {
    ...common,
    summary: 'List the sessions of the account',
    response: { 200: Type.Array(listedSession), ...errors('InvalidSessionError') },
  }
  app.get('/api/auth/sessions', { schema: list, onRequest: signedIn }, async (request, reply) => {
    reply.headers(noStore)
    return listSessions(db, request.session)
  })

  const endOne = {
    ...common,
    summary: 'End one of the account’s sessions',
    params: Type.Object({ id: Type.String() }),
    response: { 204: Type.Null(), ...errors('InvalidSessionError', 'NotFoundError', ...bodyErrors) },
  }
  app.delete('/api/auth/sessions/:id', { schema: endOne, onRequest: signedIn }, async (request, reply) => {
    const { accountId } = request.session
    await endOneSession(db, { id: request.params.id, accountId }, describeDevice(request))
    return reply.code(204).send(null)
  })

  const endOthers = {
    ...common,
    summary: 'End all sessions of the account but this one',
    response: { 204: Type.Null(), ...errors('InvalidSessionError', ...bodyErrors) },
  }
  app.delete('/api/auth/sessions', { schema: endOthers, onRequest: signedIn }, async (request, reply) => {
    await endOtherSessions(db, request.session, describeDevice(request))
    return reply.code(204).send(null)
  })
}

/** Those that live, the last used first. */
export function listSessions(db: Queryable, { id, accountId }: Session): Promise<ListedSession[]> {
  return db.query<ListedSession>(sql`
    select id, device, ip_address as address, created_at, last_used_at, id = ${id} as is_current
    from sessions
    where account_id = ${accountId} and ended_at is null and expires_at > now()
    order by last_used_at desc, created_at desc`)
}

/** Throws `NotFoundError` where the account has no such session. */
export async function endOneSession(db: Database, session: Session, device: string): Promise<void> {
  const isOurs = isUuid(session.id) && (await endSession(db, session))
  if (!isOurs) throw new AppError('NotFoundError', 'The account has no such session.')
  await recordEvent(db, { accountId: session.accountId, event: 'session ended', device })
}

/** Remembered only where there were others, or who asks again and again would fill the history. */
export async function endOtherSessions(db: Database, { id, accountId }: Session, device: string): Promise<void> {
  const ended = await endSessions(db, accountId, { keep: id })
  if (ended > 0) await recordEvent(db, { accountId, event: 'other sessions ended', device })
}

function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
}
