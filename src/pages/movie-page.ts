import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { strictObject } from '../http/schemas.ts'
import type { KeyAfter } from '../i18n/translate.ts'
import { deleteMovie } from '../movies/delete-movie.ts'
import { movieParams, type WholeMovie } from '../movies/movie.ts'
import { readMovie } from '../movies/read-movie.ts'
import { restoreMovie } from '../movies/restore-movie.ts'
import { currentSession, requireLogin } from '../sessions/require-session.ts'
import { drawCover } from './cover.ts'
import type { ShowPage } from './render.ts'

/** The messages after a change, `page.movie.<notice>`. */
const notices = ['added', 'changed', 'restored'] as const satisfies KeyAfter<'page.movie.'>[]

/** A movie's page, and the buttons that delete and restore it. */
export const moviePages: FastifyPluginAsyncTypebox<{ db: Database; show: ShowPage }> = async (app, { db, show }) => {
  const query = strictObject({ done: Type.Optional(Type.String()) })
  app.get('/movies/:id', { schema: { params: movieParams, querystring: query } }, async (request, reply) => {
    const movie = await movieOnPage(db, request.params.id)
    const values = {
      movie,
      cover: drawCover(movie.name),
      isOwn: movie.added_by === request.session?.accountId,
      done: notices.find((notice) => notice === request.query.done) ?? '',
    }
    return show(reply, { name: 'movie', heading: movie.name, values })
  })

  const ownMovie = { schema: { params: movieParams }, onRequest: requireLogin }
  app.post('/movies/:id/delete', ownMovie, async (request, reply) => {
    await deleteMovie(db, request.params.id, currentSession(request).accountId)
    return reply.redirect(`/?deleted=${encodeURIComponent(request.params.id)}`, 303)
  })

  app.post('/movies/:id/put-back', ownMovie, async (request, reply) => {
    await restoreMovie(db, request.params.id, currentSession(request).accountId)
    return reply.redirect(`/movies/${encodeURIComponent(request.params.id)}?done=restored`, 303)
  })
}

/**
 * Returns the movie, or throws `NotFoundError`: a page that does not exist is a 404, although the API responds with
 * 400.
 */
export async function movieOnPage(db: Database, id: string): Promise<WholeMovie> {
  try {
    return await readMovie(db, id)
  } catch (error) {
    throw error instanceof AppError && error.code === 'MovieNotExistsError' ? new AppError('NotFoundError') : error
  }
}
