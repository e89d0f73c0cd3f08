import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, raw, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { errors } from '../http/schemas.ts'
import { type Movie, movieColumns, movieKey } from './movie.ts'

export const listMovies: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  const schema = {
    summary: 'List movies',
    description:
      'In the order in which they came. Where more follow, the `Link` header (RFC 8288) names the next page as `rel="next"`.',
    tags: ['Movies'],
    querystring: Type.Object({
      limit: Type.Integer({ minimum: 1, maximum: 100, default: 100, description: 'Movies a page' }),
      after: Type.Optional(Type.String({ description: 'Where the page begins: take it from the `Link` header' })),
    }),
    response: { 200: Type.Array(Type.Ref('Movie#')), ...errors('SchemaValidationError') },
  }
  app.get('/api/movies', { schema }, async (request, reply) => {
    const { limit, after } = request.query
    const movies = await moviesAfter(db, after === undefined ? '0' : keyIn(after), limit + 1)
    const last = movies[limit - 1]
    if (movies.length <= limit || !last) return movies
    const next = `/api/movies?limit=${limit}&after=${cursorAt(last)}`
    reply.header('link', `<${next}>; rel="next"`)
    return movies.slice(0, limit)
  })
}

/** The limit is written into the statement: with a parameter in its place PostgreSQL would plan each time anew. */
function moviesAfter(db: Database, key: string, most: number): Promise<Movie[]> {
  return db.query<Movie>(sql`
    select ${movieColumns} from movies where id > ${key} order by id limit ${raw(String(most))}`)
}

function cursorAt(movie: Movie): string {
  return Buffer.from(movie.id).toString('base64url')
}

function keyIn(cursor: string): string {
  const key = movieKey(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (key) return key
  const detail = 'must come from the Link header of the page before'
  throw new AppError('SchemaValidationError', `after ${detail}.`, { fields: [{ field: 'after', detail }] })
}
