import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { bearer, bodyErrors, errors } from '../http/schemas.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'
import { type MovieFields, newMovie, storedBytes } from './movie.ts'
import type { Author, MovieQuota } from './quota.ts'

type Dependencies = AddDependencies & { signedIn: SignedIn }
type AddDependencies = { db: Database; quota: MovieQuota }

export const addMovieRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const schema = {
    summary: 'Add a movie',
    tags: ['Movies'],
    security: bearer,
    body: newMovie,
    response: {
      200: Type.Object({ id: Type.String() }),
      ...errors(
        'MovieAlreadyExistsError',
        'TooManyMoviesError',
        'TooManyRequestsError',
        'InvalidSessionError',
        ...bodyErrors,
      ),
    },
  }
  app.post('/api/movies', { schema, onRequest: dependencies.signedIn }, (request) => {
    const { accountId } = currentSession(request)
    return addMovie(dependencies, { accountId, ip: request.ip }, request.body)
  })
}

/**
 * Adds a movie and returns its id. Throws `MovieAlreadyExistsError`, or `TooManyMoviesError` or `TooManyRequestsError` if
 * the author may store no more.
 */
export async function addMovie(
  { db, quota }: AddDependencies,
  author: Author,
  fields: MovieFields,
): Promise<{ id: string }> {
  const refusal = await quota.findRefusal(author)
  if (refusal) throw refusal
  const { name, casts, genres, year = null, notes = null } = fields
  const [movie] = await db.writes.query<{ id: string; stored: number }>(sql`
    insert into movies (name, casts, genres, year, notes, added_by, stored_bytes)
    select name, casts, genres, ${year}::smallint, notes, ${author.accountId}::uuid, ${storedBytes}
    from (select ${name}::text as name, ${casts}::text[] as casts, ${genres}::text[] as genres, ${notes}::text as notes) movie
    on conflict (name, year) do nothing
    returning id, stored_bytes as stored`)
  if (!movie) throw new AppError('MovieAlreadyExistsError')
  await quota.charge(author, { movies: 1, bytes: movie.stored })
  return { id: movie.id }
}
