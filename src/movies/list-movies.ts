import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { rateLimitKey } from '../http/rate-limit.ts'
import { errors, jsonType, strictObject, text } from '../http/schemas.ts'
import { listedMovie, type Movie } from './movie.ts'
import { listMoviesAsJson, type MovieSearch, searchMovies } from './search.ts'
import { sorts } from './search-sql.ts'

/** The query parameters that filter and sort the list. */
export const movieFilters = {
  q: Type.Optional(
    text({
      maxLength: 200,
      description:
        'Up to 10 words that the name or the cast must contain, regardless of accents and case. If no movie contains ' +
        'them as typed, typos are corrected.',
    }),
  ),
  genre: Type.Optional(text({ minLength: 1, maxLength: 200, description: 'The full name of a genre' })),
  cast: Type.Optional(text({ minLength: 1, maxLength: 200, description: 'The full name of a cast member' })),
  year: Type.Optional(Type.Integer({ minimum: 1800, maximum: 2200 })),
  added_by: Type.Optional(Type.String({ description: 'The id of the account that added the movie' })),
  sort: Type.Optional(
    Type.Enum([...sorts], {
      description:
        '`added`, the default without `q`, is the order in which movies were added. `match`, the default with `q`, ' +
        'begins with names that begin with it. A `-` sorts in descending order. Movies without a year are the oldest.',
    }),
  ),
}

export const listMoviesRoute: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  const schema = {
    summary: 'List movies',
    description:
      'Sorted in the order in which they were added, unless `sort` says otherwise. If there are more, the `Link` header ' +
      '(RFC 8288) points to the next page with `rel="next"`.',
    tags: ['Movies'],
    querystring: strictObject({
      limit: Type.Integer({ minimum: 1, maximum: 100, default: 100, description: 'Movies per page' }),
      after: Type.Optional(Type.String({ description: 'The cursor of the page, taken from the `Link` header' })),
      ...movieFilters,
    }),
    response: { 200: Type.Unsafe<Movie[] | string>(Type.Array(listedMovie)), ...errors('SchemaValidationError') },
  }
  app.get('/api/movies', { schema }, async (request, reply) => {
    const isPlain = Object.keys(request.query).every((name) => name === 'limit' || name === 'after')
    if (isPlain) {
      const { json, next } = await listMoviesAsJson(db, request.query)
      if (next) linkNextPage(reply, next)
      reply.type(jsonType)
      return json
    }
    const { movies, next } = await searchMovies(db, request.query, rateLimitKey(request.ip))
    if (next) linkNextPage(reply, next)
    return movies
  })
}

function linkNextPage(reply: FastifyReply, next: MovieSearch): void {
  reply.header('link', `</api/movies?${toQuery(next)}>; rel="next"`)
}

/** Returns a search as the query string of a URL. */
export function toQuery(search: { [field in keyof MovieSearch]?: MovieSearch[field] | undefined }): string {
  const query = new URLSearchParams()
  for (const name of ['q', 'genre', 'cast', 'year', 'added_by', 'sort', 'limit', 'after'] as const) {
    const value = search[name]
    if (value !== undefined) query.set(name, String(value))
  }
  return query.toString()
}

/** Lists up to 20 movies that an account added, ordered by id, starting after `afterId`. */
export function listMoviesAddedBy(db: Database, accountId: string, afterId: string) {
  return db.query<{ id: string }>(sql`
    select id, name, casts, genres, year, notes, added_by, created_at
    from movies where added_by = ${accountId} and id > ${afterId} order by id limit 20`)
}
