import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { RequireSession } from '../accounts/session.ts'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { bearer, body, bodyErrors, errors } from '../http/schemas.ts'
import { movieFields, yearField } from './movie.ts'

type Dependencies = { db: Database; signedIn: RequireSession }

export const addMovie: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'Add a movie',
    tags: ['Movies'],
    security: bearer,
    body: body({ ...movieFields, year: Type.Optional(yearField) }),
    response: {
      200: Type.Object({ id: Type.String() }),
      ...errors('MovieAlreadyExistsError', 'InvalidSessionError', ...bodyErrors),
    },
  }
  app.post('/api/movies', { schema, onRequest: signedIn }, async (request) => {
    const { name, casts, genres, year = null } = request.body
    const [movie] = await db.query<{ id: string }>(sql`
      insert into movies (name, casts, genres, year, added_by)
      values (${name}, ${casts}, ${genres}, ${year}, ${request.session.accountId})
      on conflict (name, year) do nothing
      returning id`)
    if (!movie) throw new AppError('MovieAlreadyExistsError')
    return movie
  })
}
