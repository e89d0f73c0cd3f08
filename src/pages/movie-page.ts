import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { deleteMovie } from '../movies/delete-movie.ts'
import { movieParams, type WholeMovie } from '../movies/movie.ts'
import { findMovie } from '../movies/read-movie.ts'
import { restoreMovie } from '../movies/restore-movie.ts'
import { requiredSession, requireVisitor } from '../sessions/cookie.ts'
import { drawCover } from './cover.ts'
import type { ShowPage } from './render.ts'

/** What was done last: each is the sentence `page.movie.<done>`. */
const deeds = ['added', 'changed', 'put-back'] as const

/** A movie's own page, and its way out of the collection and back. */
export const moviePages: FastifyPluginAsyncTypebox<{ db: Database; show: ShowPage }> = async (app, { db, show }) => {
  const query = Type.Object({ done: Type.Optional(Type.String()) })
  app.get('/movies/:id', { schema: { params: movieParams, querystring: query } }, async (request, reply) => {
    const movie = await movieOnPage(db, request.params.id)
    const values = {
      movie,
      cover: drawCover(movie.name),
      isOwn: movie.added_by === request.visitor?.accountId,
      done: deeds.find((deed) => deed === request.query.done) ?? '',
    }
    return show(reply, { name: 'movie', title: 'movie', heading: movie.name, values })
  })

  const own = { schema: { params: movieParams }, onRequest: requireVisitor }
  app.post('/movies/:id/delete', own, async (request, reply) => {
    await deleteMovie(db, request.params.id, requiredSession(request).accountId)
    return reply.redirect(`/?deleted=${encodeURIComponent(request.params.id)}`, 303)
  })

  app.post('/movies/:id/put-back', own, async (request, reply) => {
    await restoreMovie(db, request.params.id, requiredSession(request).accountId)
    return reply.redirect(`/movies/${encodeURIComponent(request.params.id)}?done=put-back`, 303)
  })
}

/** Throws `NotFoundError`, for a page that is not there is a 404, whatever the API says. */
export async function movieOnPage(db: Database, id: string): Promise<WholeMovie> {
  try {
    return await findMovie(db, id)
  } catch (error) {
    throw error instanceof AppError && error.code === 'MovieNotExistsError' ? new AppError('NotFoundError') : error
  }
}
