import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listHistory } from '../accounts/audit-history.ts'
import { type Database, sql } from '../database/database.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { listedSession } from '../sessions/list.ts'
import type { RequireSession, Session } from '../sessions/session.ts'
import { historyEntry } from './history.ts'
import { ownAccountSchema, readOwnAccount } from './own-account.ts'

type Dependencies = { db: Database; signedIn: RequireSession; limit: LimitByCaller }

const time = Type.String({ format: 'date-time' })
const timeOrNull = Type.Union([time, Type.Null()])

export const exportAccountRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn, limit }) => {
  const schema = {
    summary: 'Everything that is kept of the account',
    tags: ['Accounts'],
    security: bearer,
    response: {
      200: Type.Unsafe<Readable>(
        Type.Object({
          account: ownAccountSchema,
          sessions: Type.Array(Type.Object({ ...listedSession.properties, ended_at: timeOrNull }), {
            description: 'Those that live, and for 30 days those that have ended',
          }),
          former_addresses: Type.Array(Type.Object({ email: Type.String(), changed_at: time, undone_at: timeOrNull }), {
            description: 'What the address was before each change, until 30 days after that can no longer be undone',
          }),
          known_browsers: Type.Array(Type.Object({ last_used_at: time }), {
            description: 'Those in which the account was used, of which no mail is sent for being new',
          }),
          history: Type.Array(historyEntry),
          movies: Type.Array(Type.Intersect([Type.Ref('Movie#'), Type.Object({ created_at: time })])),
        }),
      ),
      ...errors('InvalidSessionError', 'TooManyRequestsError'),
    },
  }
  app.get('/api/auth/export', { schema, onRequest: signedIn, preHandler: limit('export') }, async (request, reply) => {
    reply.headers({ ...noStore, 'content-disposition': 'attachment; filename="movie-bag.json"' })
    return reply.type('application/json; charset=utf-8').send(Readable.from(exportAccount(db, request.session)))
  })
}

/**
 * What is kept of the account, where it is and was signed in, what happened to it, and the movies it added, as JSON. The
 * movies come page by page: there may be more of them than the memory holds.
 */
export async function* exportAccount(db: Database, session: Session): AsyncGenerator<string> {
  const { accountId } = session
  const [account, sessions, former_addresses, known_browsers, history] = await Promise.all([
    readOwnAccount(db, accountId),
    listAllSessions(db, session),
    db.query(sql`
      select old_email as email, changed_at, undone_at
      from email_changes where account_id = ${accountId} order by changed_at desc`),
    db.query(sql`
      select last_used_at from known_browsers where account_id = ${accountId} order by last_used_at desc`),
    listHistory(db, accountId, 100_000),
  ])
  const whole = JSON.stringify({ account, sessions, former_addresses, known_browsers, history })
  yield `${whole.slice(0, -1)},"movies":[`
  let after = '0'
  for (let page = await moviesOf(db, accountId, after); page.length > 0; page = await moviesOf(db, accountId, after)) {
    yield `${after === '0' ? '' : ','}${page.map((movie) => JSON.stringify(movie)).join()}`
    after = page.at(-1)?.id ?? after
  }
  yield ']}'
}

function listAllSessions(db: Database, { id, accountId }: Session) {
  return db.query(sql`
    select id, device, ip_address as address, created_at, last_used_at, id = ${id} as is_current,
      coalesce(ended_at, case when expires_at <= now() then expires_at end) as ended_at
    from sessions where account_id = ${accountId} order by last_used_at desc, created_at desc`)
}

function moviesOf(db: Database, accountId: string, after: string) {
  return db.query<{ id: string }>(sql`
    select id, name, casts, genres, year, notes, added_by, created_at
    from movies where added_by = ${accountId} and id > ${after} order by id limit 100`)
}
