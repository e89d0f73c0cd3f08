import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { historyOf } from './account-history.ts'
import { historyEntry } from './history.ts'
import { ownAccountSchema, readOwnAccount } from './own-account.ts'
import type { RequireSession, Session } from './session.ts'
import { listedSession, sessionsOf } from './sessions.ts'

type Dependencies = { db: Database; signedIn: RequireSession; limit: LimitByCaller }

export const exportAccount: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn, limit }) => {
  const schema = {
    summary: 'Everything that is kept of the account',
    tags: ['Accounts'],
    security: bearer,
    response: {
      200: Type.Unsafe<Readable>(
        Type.Object({
          account: ownAccountSchema,
          sessions: Type.Array(listedSession),
          history: Type.Array(historyEntry),
          movies: Type.Array(Type.Ref('Movie#')),
        }),
      ),
      ...errors('InvalidSessionError', 'TooManyRequestsError'),
    },
  }
  app.get('/api/auth/export', { schema, onRequest: signedIn, preHandler: limit('export') }, async (request, reply) => {
    reply.headers({ ...noStore, 'content-disposition': 'attachment; filename="movie-bag.json"' })
    return reply.type('application/json; charset=utf-8').send(Readable.from(everythingOf(db, request.session)))
  })
}

/**
 * What the account is, where it is signed in, what happened to it, and the movies it added, as JSON. The movies come
 * page by page: there may be more of them than the memory holds.
 */
export async function* everythingOf(db: Database, session: Session): AsyncGenerator<string> {
  const { accountId } = session
  const [account, sessions, history] = await Promise.all([
    readOwnAccount(db, accountId),
    sessionsOf(db, session),
    historyOf(db, accountId, 100_000),
  ])
  yield `${JSON.stringify({ account, sessions, history }).slice(0, -1)},"movies":[`
  let after = '0'
  for (let page = await moviesOf(db, accountId, after); page.length > 0; page = await moviesOf(db, accountId, after)) {
    yield `${after === '0' ? '' : ','}${page.map((movie) => JSON.stringify(movie)).join()}`
    after = page.at(-1)?.id ?? after
  }
  yield ']}'
}

function moviesOf(db: Database, accountId: string, after: string) {
  return db.query<{ id: string }>(sql`
    select id, name, casts, genres, year, notes, added_by
    from movies where added_by = ${accountId} and id > ${after} order by id limit 100`)
}
