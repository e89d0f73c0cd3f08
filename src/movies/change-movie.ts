import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, isUniqueViolation, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { bearer, bodyErrors, emptyResponse, errors } from '../http/schemas.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'
import { type MovieFields, movieFields, movieKey, movieParams, notesField, yearField } from './movie.ts'

type Dependencies = { db: Database; signedIn: SignedIn }

export const changeMovieRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
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
      ...errors('UpdatingMovieError', 'MovieAlreadyExistsError', 'InvalidSessionError', ...bodyErrors),
    },
  }
  app.put('/api/movies/:id', { schema, onRequest: signedIn }, async (request) => {
    await changeMovie(db, { id: request.params.id, accountId: currentSession(request).accountId }, request.body)
    return {}
  })
}

/** Throws `UpdatingMovieError` if the account did not add this movie, or `MovieAlreadyExistsError`. */
export async function changeMovie(
  db: Database,
  { id, accountId }: { id: string; accountId: string },
  fields: Partial<MovieFields>,
): Promise<void> {
  const { name = null, casts = null, genres = null, year = null, notes = null } = fields
  try {
    const rows = await db.query(sql`
      update movies
      set name = coalesce(${name}, name), casts = coalesce(${casts}, casts), genres = coalesce(${genres}, genres),
        year = case when ${'year' in fields} then ${year} else year end,
        notes = case when ${'notes' in fields} then ${notes} else notes end
      where id = ${movieKey(id) ?? null} and added_by = ${accountId}
      returning id`)
    if (rows.length === 0) throw new AppError('UpdatingMovieError')
  } catch (error) {
    throw isUniqueViolation(error) ? new AppError('MovieAlreadyExistsError') : error
  }
}
