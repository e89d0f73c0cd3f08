import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { errors } from '../http/schemas.ts'
import { movieColumns, movieKey, movieParams, type WholeMovie } from './movie.ts'

export const readMovieRoute: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  const schema = {
    summary: 'Read a movie',
    tags: ['Movies'],
    params: movieParams,
    response: { 200: Type.Ref('Movie#'), ...errors('MovieNotExistsError') },
  }
  app.get('/api/movies/:id', { schema }, (request) => readMovie(db, request.params.id))
}

/** Returns a movie with its notes. Throws `MovieNotExistsError`. */
export async function readMovie(db: Database, id: string): Promise<WholeMovie> {
  const key = movieKey(id)
  const [movie] = key
    ? await db.query<WholeMovie>(sql`select ${movieColumns}, notes from movies where id = ${key}`)
    : []
  if (!movie) throw new AppError('MovieNotExistsError')
  return movie
}
