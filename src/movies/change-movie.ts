import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, isUniqueViolation, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { bearer, bodyErrors, emptyResponse, errors } from '../http/schemas.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'
import { type MovieFields, movieFields, movieKey, movieParams, notesField, storedBytes, yearField } from './movie.ts'
import type { Author, MovieQuota } from './quota.ts'

type ChangeDependencies = { db: Database; quota: MovieQuota }
type Dependencies = ChangeDependencies & { signedIn: SignedIn }

export const changeMovieRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  // `Type.Partial` drops the options of the object it is given, so they are passed to it.
  const options = { additionalProperties: false, minProperties: 1 }
  const fields = Type.Partial(Type.Object({ ...movieFields, year: yearField, notes: notesField }), options)
  const schema = {
    summary: 'Change a movie',
    description: 'Changes the given fields and keeps the others. Only the account that added a movie can change it.',
    tags: ['Movies'],
    security: bearer,
    params: movieParams,
    body: fields,
    response: {
      200: emptyResponse,
      ...errors(
        'UpdatingMovieError',
        'MovieAlreadyExistsError',
        'TooManyMoviesError',
        'InvalidSessionError',
        ...bodyErrors,
      ),
    },
  }
  app.put('/api/movies/:id', { schema, onRequest: dependencies.signedIn }, async (request) => {
    const author = { accountId: currentSession(request).accountId, ip: request.ip }
    await changeMovie(dependencies, { id: request.params.id, author }, request.body)
    return {}
  })
}

/**
 * Throws `UpdatingMovieError` if the account did not add this movie, or `MovieAlreadyExistsError`. If the author may store
 * no more, a change that makes the movie larger throws `TooManyMoviesError` or `TooManyRequestsError`.
 */
export async function changeMovie(
  { db, quota }: ChangeDependencies,
  { id, author }: { id: string; author: Author },
  fields: Partial<MovieFields>,
): Promise<void> {
  const refusal = await quota.findRefusal(author)
  const { name = null, casts = null, genres = null, year = null, notes = null } = fields
  const own = sql`movies.id = ${movieKey(id) ?? null} and movies.added_by = ${author.accountId}`
  try {
    const [changed] = await db.query<{ stored: number }>(sql`
      update movies
      set name = changed.name, casts = changed.casts, genres = changed.genres, year = changed.year,
        notes = changed.notes, stored_bytes = changed.stored_bytes
      from (
        select *, ${storedBytes} as stored_bytes from (
          select id, coalesce(${name}, name) as name, coalesce(${casts}, casts) as casts,
            coalesce(${genres}, genres) as genres,
            case when ${'year' in fields} then ${year} else year end as year,
            case when ${'notes' in fields} then ${notes} else notes end as notes
          from movies where ${own}
          for update
        ) fields
      ) changed
      where movies.id = changed.id and (${!refusal} or changed.stored_bytes <= movies.stored_bytes)
      returning movies.stored_bytes as stored`)
    if (changed) return await quota.charge(author, { movies: 0, bytes: changed.stored })
  } catch (error) {
    throw isUniqueViolation(error) ? new AppError('MovieAlreadyExistsError') : error
  }
  const [owned] = await db.query(sql`select from movies where ${own}`)
  throw (owned && refusal) || new AppError('UpdatingMovieError')
}
