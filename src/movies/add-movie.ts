import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { RequireSession } from '../accounts/session.ts'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { bearer, body, bodyErrors, errors } from '../http/schemas.ts'
import { type MovieFields, movieFields, optionalFields } from './movie.ts'

type Dependencies = { db: Database; signedIn: RequireSession }

/** What it takes to add a movie. */
export const newMovie = body({ ...movieFields, ...optionalFields })

export const addMovie: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'Add a movie',
    tags: ['Movies'],
    security: bearer,
    body: newMovie,
    response: {
      200: Type.Object({ id: Type.String() }),
      ...errors('MovieAlreadyExistsError', 'InvalidSessionError', ...bodyErrors),
    },
  }
  app.post('/api/movies', { schema, onRequest: signedIn }, (request) => {
    return addToCollection(db, request.session.accountId, request.body)
  })
}

/** Throws `MovieAlreadyExistsError`. */
export async function addToCollection(db: Database, accountId: string, fields: MovieFields): Promise<{ id: string }> {
  const { name, casts, genres, year = null, notes = null } = fields
  const [movie] = await db.query<{ id: string }>(sql`
    insert into movies (name, casts, genres, year, notes, added_by)
    values (${name}, ${casts}, ${genres}, ${year}, ${notes}, ${accountId})
    on conflict (name, year) do nothing
    returning id`)
  if (!movie) throw new AppError('MovieAlreadyExistsError')
  return movie
}
