import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { historyEntry, listHistory } from '../accounts/audit-history.ts'
import { listEmailChanges } from '../accounts/email-changes.ts'
import type { Database } from '../database/database.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bearer, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { type Device, deviceText } from '../i18n/format.ts'
import { listMoviesAddedBy } from '../movies/list-movies.ts'
import { listKnownBrowsers } from '../sessions/known-browser.ts'
import { listAllSessions, listedSession } from '../sessions/list.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'
import type { SessionKey } from '../sessions/session.ts'
import { ownAccountSchema, readOwnAccount } from './own-account.ts'

type Dependencies = { db: Database; signedIn: SignedIn; limit: LimitByCaller }

const time = Type.String({ format: 'date-time' })
const toIsoOrNull = Type.Union([time, Type.Null()])

const accountExport = Type.Object({
  account: ownAccountSchema,
  sessions: Type.Array(Type.Object({ ...listedSession.properties, ended_at: toIsoOrNull }), {
    description: 'Live sessions, and those that ended in the last 30 days',
  }),
  former_addresses: Type.Array(Type.Object({ email: Type.String(), changed_at: time, undone_at: toIsoOrNull }), {
    description: 'The email address before each change, kept until 30 days after the change can no longer be undone',
  }),
  known_browsers: Type.Array(Type.Object({ last_used_at: time }), {
    description: 'Browsers that have logged in to the account; a login from one of them sends no new-device mail',
  }),
  history: Type.Array(historyEntry),
  movies: Type.Array(Type.Intersect([Type.Ref('Movie#'), Type.Object({ created_at: time })])),
})

export const exportAccountRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn, limit }) => {
  const schema = {
    summary: 'Export everything that is stored about the account',
    tags: ['Accounts'],
    security: bearer,
    response: {
      200: Type.Unsafe<Readable>(accountExport),
      ...errors('InvalidSessionError'),
    },
  }
  app.get('/api/auth/export', { schema, onRequest: signedIn, preHandler: limit('export') }, async (request, reply) => {
    reply.headers({ ...noStore, 'content-disposition': 'attachment; filename="movie-bag.json"' })
    return reply.type('application/json; charset=utf-8').send(exportAccount(db, currentSession(request)))
  })
}

/** Returns the export as a stream of JSON, produced only as fast as the client reads it. */
export function exportAccount(db: Database, session: SessionKey): Readable {
  // Buffered by bytes: in object mode the stream would read 16 chunks ahead, however large.
  return Readable.from(piecesOfExport(db, session), { objectMode: false, highWaterMark: 64_000 })
}

/** The movies are read in pages: there may be more of them than fit in memory. */
async function* piecesOfExport(db: Database, session: SessionKey): AsyncGenerator<string> {
  const { accountId } = session
  const [account, sessions, former_addresses, known_browsers, history] = await Promise.all([
    readOwnAccount(db, accountId),
    listAllSessions(db, session).then((rows) => rows.map(withDeviceText)),
    listEmailChanges(db, accountId),
    listKnownBrowsers(db, accountId),
    listHistory(db, accountId, 100_000).then((rows) => rows.map(withDeviceText)),
  ])
  const beforeMovies = JSON.stringify({ account, sessions, former_addresses, known_browsers, history })
  yield `${beforeMovies.slice(0, -1)},"movies":[`
  let separator = ''
  for await (const movie of moviesAddedBy(db, accountId)) {
    yield separator + JSON.stringify(movie)
    separator = ','
  }
  yield ']}'
}

function withDeviceText<Row extends { device: Device }>(row: Row) {
  return { ...row, device: deviceText(row.device) }
}

async function* moviesAddedBy(db: Database, accountId: string) {
  let page = await listMoviesAddedBy(db, accountId, '0')
  while (page.length > 0) {
    yield* page
    page = await listMoviesAddedBy(db, accountId, page.at(-1)?.id ?? '0')
  }
}
