import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { bearer, bodyErrors, errors } from '../http/schemas.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'
import { type MovieFields, newMovie } from './movie.ts'
import type { CheckMovieQuota } from './quota.ts'

type Dependencies = AddDependencies & { signedIn: SignedIn }
type AddDependencies = { db: Database; checkMovieQuota: CheckMovieQuota }

export const addMovieRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const schema = {
    summary: 'Add a movie',
    tags: ['Movies'],
    security: bearer,
    body: newMovie,
    response: {
      200: Type.Object({ id: Type.String() }),
      ...errors('MovieAlreadyExistsError', 'TooManyMoviesError', 'InvalidSessionError', ...bodyErrors),
    },
  }
  app.post('/api/movies', { schema, onRequest: dependencies.signedIn }, (request) => {
    return addMovie(dependencies, currentSession(request).accountId, request.body)
  })
}

/** Adds a movie and returns its id. Throws `MovieAlreadyExistsError` or `TooManyMoviesError`. */
export async function addMovie(
  { db, checkMovieQuota }: AddDependencies,
  accountId: string,
  fields: MovieFields,
): Promise<{ id: string }> {
  await checkMovieQuota(accountId)
  const { name, casts, genres, year = null, notes = null } = fields
  const [movie] = await db.query<{ id: string }>(sql`
    insert into movies (name, casts, genres, year, notes, added_by)
    values (${name}, ${casts}, ${genres}, ${year}, ${notes}, ${accountId})
    on conflict (name, year) do nothing
    returning id`)
  if (!movie) throw new AppError('MovieAlreadyExistsError')
  return movie
}
