import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { errors, jsonType } from '../http/schemas.ts'
import { jsonColumns, movieColumns, movieKey, movieParams, type WholeMovie } from './movie.ts'

export const readMovieRoute: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  const schema = {
    summary: 'Read a movie',
    description: 'With the `ETag` of an earlier response in `If-None-Match`, a movie that is unchanged is 304.',
    tags: ['Movies'],
    params: movieParams,
    response: {
      // Sent as text that PostgreSQL has written.
      200: Type.Unsafe<string>(Type.Ref('Movie#')),
      304: Type.Null({ description: 'Unchanged' }),
      ...errors('MovieNotExistsError'),
    },
  }
  app.get('/api/movies/:id', { schema }, async (request, reply) => {
    const { id } = request.params
    const known = request.headers['if-none-match']
    if (known !== undefined) {
      const etag = await readETag(db, id)
      if (etag !== undefined && isListed(known, etag)) {
        return reply.code(304).headers({ etag, 'cache-control': 'no-cache' }).send(null)
      }
    }
    const { json, version } = await readMovieAsJson(db, id)
    reply.headers({ etag: toETag(version), 'cache-control': 'no-cache' })
    reply.type(jsonType)
    return json
  })
}

/** Returns a movie with its notes. Throws `MovieNotExistsError`. */
export async function readMovie(db: Database, id: string): Promise<WholeMovie> {
  const key = movieKey(id)
  const [movie] = key
    ? await db.reads.query<WholeMovie>(sql`select ${movieColumns}, notes from movies where id = ${key}`)
    : []
  if (!movie) throw new AppError('MovieNotExistsError')
  return movie
}

/**
 * Returns the same as JSON, as PostgreSQL writes it, which takes less time than to parse and write it here; and its
 * version, which counts its changes.
 */
async function readMovieAsJson(db: Database, id: string): Promise<{ json: string; version: number }> {
  const key = movieKey(id)
  const [movie] = key
    ? await db.reads.query<{ json: string; version: number }>(sql`
        select row_to_json(movie)::text as json, version
        from movies, lateral (select ${jsonColumns}, notes) movie
        where movies.id = ${key}`)
    : []
  if (!movie) throw new AppError('MovieNotExistsError')
  return movie
}

async function readETag(db: Database, id: string): Promise<string | undefined> {
  const key = movieKey(id)
  if (key === undefined) return undefined
  const [movie] = await db.reads.query<{ version: number }>(sql`select version from movies where id = ${key}`)
  return movie && toETag(movie.version)
}

function toETag(version: number): string {
  return `"${version}"`
}

/** Returns whether an `If-None-Match` field has this entity tag (RFC 9110, 13.1.2), which is compared weakly. */
function isListed(field: string, etag: string): boolean {
  return field === etag || field.split(',').some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()))
}
