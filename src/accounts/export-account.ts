import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { bearer, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { historyEntry, historyOf } from './history.ts'
import { ownAccountSchema, readOwnAccount } from './own-account.ts'
import type { RequireSession, Session } from './session.ts'
import { listedSession, sessionsOf } from './sessions.ts'

type Dependencies = { db: Database; signedIn: RequireSession }

export const exportAccount: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'Everything that is kept of the account',
    tags: ['Accounts'],
    security: bearer,
    response: {
      200: Type.Object({
        account: ownAccountSchema,
        sessions: Type.Array(listedSession),
        history: Type.Array(historyEntry),
        movies: Type.Array(Type.Ref('Movie#')),
      }),
      ...errors('InvalidSessionError'),
    },
  }
  app.get('/api/auth/export', { schema, onRequest: signedIn }, async (request, reply) => {
    reply.headers({ ...noStore, 'content-disposition': 'attachment; filename="movie-bag.json"' })
    return everythingOf(db, request.session)
  })
}

/** What the account is, where it is signed in, what happened to it, and the movies it added. */
export async function everythingOf(db: Database, session: Session) {
  const { accountId } = session
  const [account, sessions, history, movies] = await Promise.all([
    readOwnAccount(db, accountId),
    sessionsOf(db, session),
    historyOf(db, accountId, 100_000),
    db.query(sql`select id, name, casts, genres, year, added_by from movies where added_by = ${accountId} order by id`),
  ])
  return { account, sessions, history, movies }
}
