import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { recordEvent } from '../accounts/audit-history.ts'
import { type Database, type Queryable, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { readDevice } from '../http/client.ts'
import { bearer, bodyErrors, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { type Device, deviceText } from '../i18n/format.ts'
import { currentSession, type SignedIn } from './require-session.ts'
import { endSessions, isLive, isSessionId, type SessionKey, type SessionSettings } from './session.ts'

type Dependencies = { db: Database; signedIn: SignedIn; config: SessionSettings }

export const listedSession = Type.Object({
  id: Type.String(),
  device: Type.String({ description: 'Approximate, such as "Firefox on Windows"; empty if unknown' }),
  address: Type.String({ description: 'The IP address of the login; empty if unknown' }),
  created_at: Type.Unsafe<Date>(Type.String({ format: 'date-time' })),
  last_used_at: Type.Unsafe<Date>(Type.String({ format: 'date-time', description: 'Accurate to five minutes' })),
  is_current: Type.Boolean(),
})

type ListedSession = Omit<Static<typeof listedSession>, 'device'> & { device: Device }

export const sessionRoutes: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn, config }) => {
  const common = { tags: ['Accounts'], security: bearer }
  const list = {
    ...common,
    summary: 'List the account’s sessions',
    response: { 200: Type.Array(listedSession), ...errors('InvalidSessionError') },
  }
  app.get('/api/auth/sessions', { schema: list, onRequest: signedIn }, async (request, reply) => {
    reply.headers(noStore)
    const sessions = await listSessions(db, currentSession(request), config)
    return sessions.map((session) => ({ ...session, device: deviceText(session.device) }))
  })

  const endOne = {
    ...common,
    summary: 'End one of the account’s sessions',
    params: Type.Object({ id: Type.String() }),
    response: { 204: Type.Null(), ...errors('InvalidSessionError', 'NotFoundError', ...bodyErrors) },
  }
  app.delete('/api/auth/sessions/:id', { schema: endOne, onRequest: signedIn }, async (request, reply) => {
    const { accountId } = currentSession(request)
    await endOneSession(db, { id: request.params.id, accountId }, readDevice(request))
    return reply.code(204).send(null)
  })

  const endOthers = {
    ...common,
    summary: 'End all of the account’s sessions except this one',
    response: { 204: Type.Null(), ...errors('InvalidSessionError', ...bodyErrors) },
  }
  app.delete('/api/auth/sessions', { schema: endOthers, onRequest: signedIn }, async (request, reply) => {
    await endOtherSessions(db, currentSession(request), readDevice(request))
    return reply.code(204).send(null)
  })
}

/** Lists the live sessions, most recently used first. */
export function listSessions(
  db: Queryable,
  { id, accountId }: SessionKey,
  config: SessionSettings,
): Promise<ListedSession[]> {
  return db.query<ListedSession>(sql`
    select id, device, ip_address as address, created_at, last_used_at, id = ${id} as is_current
    from sessions
    where account_id = ${accountId} and ${isLive(config)}
    order by last_used_at desc, created_at desc`)
}

/** Lists all stored sessions, each with the time at which it ended or expired. */
export function listAllSessions(db: Queryable, { id, accountId }: SessionKey) {
  return db.query<ListedSession & { ended_at: Date | null }>(sql`
    select id, device, ip_address as address, created_at, last_used_at, id = ${id} as is_current,
      coalesce(ended_at, case when expires_at <= now() then expires_at end) as ended_at
    from sessions where account_id = ${accountId} order by last_used_at desc, created_at desc`)
}

/** Throws `NotFoundError` if the account has no such session. */
export async function endOneSession(db: Database, session: SessionKey, device: Device): Promise<void> {
  await db.transaction(async (tx) => {
    const ended = isSessionId(session.id) ? await endSessions(tx, session.accountId, { only: session.id }) : 0
    if (ended === 0) throw new AppError('NotFoundError', 'The account has no such session.')
    await recordEvent(tx, { accountId: session.accountId, event: 'session ended', device })
  })
}

/**
 * Ends every session except the given one. Records an event only if there were others, so that repeats do not fill the
 * history.
 */
export async function endOtherSessions(db: Database, { id, accountId }: SessionKey, device: Device): Promise<void> {
  await db.transaction(async (tx) => {
    const ended = await endSessions(tx, accountId, { keep: id })
    if (ended > 0) await recordEvent(tx, { accountId, event: 'other sessions ended', device })
  })
}
