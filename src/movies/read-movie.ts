import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { errors } from '../http/schemas.ts'
import { type Movie, movieColumns, movieKey, movieParams } from './movie.ts'

export const readMovie: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  const schema = {
    summary: 'Read a movie',
    tags: ['Movies'],
    params: movieParams,
    response: { 200: Type.Ref('Movie#'), ...errors('MovieNotExistsError') },
  }
  app.get('/api/movies/:id', { schema }, async (request) => {
    const key = movieKey(request.params.id)
    const [movie] = key ? await db.query<Movie>(sql`select ${movieColumns} from movies where id = ${key}`) : []
    if (!movie) throw new AppError('MovieNotExistsError')
    return movie
  })
}
