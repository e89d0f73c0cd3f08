import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { RequireSession } from '../accounts/session.ts'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { bearer, errors, nothing } from '../http/schemas.ts'
import { movieKey, movieParams } from './movie.ts'

type Dependencies = { db: Database; signedIn: RequireSession }

export const deleteMovie: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'Delete a movie',
    description: 'Only who added a movie deletes it.',
    tags: ['Movies'],
    security: bearer,
    params: movieParams,
    response: { 200: nothing, ...errors('DeletingMovieError', 'InvalidSessionError') },
  }
  app.delete('/api/movies/:id', { schema, onRequest: signedIn }, async (request) => {
    const rows = await db.query(sql`
      delete from movies
      where id = ${movieKey(request.params.id) ?? null} and added_by = ${request.session.accountId}
      returning id`)
    if (rows.length === 0) throw new AppError('DeletingMovieError')
    return {}
  })
}
