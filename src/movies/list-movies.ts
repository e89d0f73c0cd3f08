import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { rateLimitKey } from '../http/rate-limit.ts'
import { errors, strictObject, text } from '../http/schemas.ts'
import { listedMovie } from './movie.ts'
import { type MovieSearch, searchMovies, sorts } from './search.ts'

/** What narrows the list, and its order. */
export const movieFilters = {
  q: Type.Optional(
    text({
      maxLength: 200,
      description:
        'Words that the name or the cast must contain, up to 10, whatever their accents and capitals. Where nothing has ' +
        'them as they are typed, slips are forgiven.',
    }),
  ),
  genre: Type.Optional(text({ minLength: 1, maxLength: 200, description: 'One of the genres, whole' })),
  cast: Type.Optional(text({ minLength: 1, maxLength: 200, description: 'One of the cast, by the whole name' })),
  year: Type.Optional(Type.Integer({ minimum: 1800, maximum: 2200 })),
  added_by: Type.Optional(Type.String({ description: 'The id of the account that added the movie' })),
  sort: Type.Optional(
    Type.Enum([...sorts], {
      description:
        '`added` is the order in which they came, and the default without `q`; `match`, the default with it, begins ' +
        'with the names that begin as `q` does. A `-` turns the order round. Movies without a year count as the oldest.',
    }),
  ),
}

export const listMoviesRoute: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  const schema = {
    summary: 'List movies',
    description:
      'In the order in which they came, unless `sort` says otherwise. Where more follow, the `Link` header (RFC 8288) ' +
      'names the next page as `rel="next"`.',
    tags: ['Movies'],
    querystring: strictObject({
      limit: Type.Integer({ minimum: 1, maximum: 100, default: 100, description: 'Movies a page' }),
      after: Type.Optional(Type.String({ description: 'Where the page begins: take it from the `Link` header' })),
      ...movieFilters,
    }),
    response: { 200: Type.Array(listedMovie), ...errors('SchemaValidationError') },
  }
  app.get('/api/movies', { schema }, async (request, reply) => {
    const { movies, next } = await searchMovies(db, request.query, rateLimitKey(request.ip))
    if (next) reply.header('link', `</api/movies?${queryOf(next)}>; rel="next"`)
    return movies
  })
}

/** The search as the query of an address. What else a request may have had in its own is left out. */
export function queryOf(search: { [field in keyof MovieSearch]?: MovieSearch[field] | undefined }): string {
  const query = new URLSearchParams()
  for (const name of ['q', 'genre', 'cast', 'year', 'added_by', 'sort', 'limit', 'after'] as const) {
    const value = search[name]
    if (value !== undefined) query.set(name, String(value))
  }
  return query.toString()
}

/** Lists up to 20 movies that an account added, by id, after the given one. */
export function listMoviesAddedBy(db: Database, accountId: string, afterId: string) {
  return db.query<{ id: string }>(sql`
    select id, name, casts, genres, year, notes, added_by, created_at
    from movies where added_by = ${accountId} and id > ${afterId} order by id limit 20`)
}
