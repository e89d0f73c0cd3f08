import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { MessageKey } from '../i18n/translate.ts'
import { addMovie } from '../movies/add-movie.ts'
import { changeMovie } from '../movies/change-movie.ts'
import { movieParams } from '../movies/movie.ts'
import type { Author, MovieQuota } from '../movies/quota.ts'
import { currentSession, requireLogin } from '../sessions/require-session.ts'
import { formErrorsFrom } from './form-errors.ts'
import { emptyMovieForm, formatMovieForm, type MovieForm, movieForm, parseMovieForm } from './movie-form.ts'
import { movieOnPage } from './movie-page.ts'
import type { FormErrors, ShowPage } from './render.ts'

type Dependencies = { db: Database; quota: MovieQuota; show: ShowPage }

/** The forms that add a movie and change one of your own. */
export const movieFormPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, quota, show }) => {
  app.addHook('onRequest', requireLogin)

  app.get('/movies/new', (_request, reply) => showForm(reply, emptyMovieForm))

  app.post('/movies/new', { schema: { body: movieForm } }, async (request, reply) => {
    try {
      const { id } = await addMovie({ db, quota }, authorOf(request), parseMovieForm(request))
      return await reply.redirect(`/movies/${id}?done=added`, 303)
    } catch (error) {
      return showForm(reply, request.body, { formErrors: movieFormErrors(error) })
    }
  })

  app.get('/movies/:id/edit', { schema: { params: movieParams } }, async (request, reply) => {
    const { id } = request.params
    const movie = await movieOnPage(db, id)
    if (movie.added_by !== currentSession(request).accountId) throw new AppError('UpdatingMovieError')
    return showForm(reply, formatMovieForm(movie), { id })
  })

  app.post('/movies/:id/edit', { schema: { params: movieParams, body: movieForm } }, async (request, reply) => {
    const { id } = request.params
    try {
      await changeMovie({ db, quota }, { id, author: authorOf(request) }, parseMovieForm(request))
      return await reply.redirect(`/movies/${encodeURIComponent(id)}?done=changed`, 303)
    } catch (error) {
      return showForm(reply, request.body, { id, formErrors: movieFormErrors(error) })
    }
  })

  function showForm(reply: FastifyReply, movie: MovieForm, options: { id?: string; formErrors?: FormErrors } = {}) {
    const { id, formErrors } = options
    const action = id ? `/movies/${encodeURIComponent(id)}/edit` : '/movies/new'
    const back = id ? `/movies/${encodeURIComponent(id)}` : '/'
    const heading = id ? ({ title: 'movie-edit' } as const) : ({ title: 'movie-new', focus: 'name' } as const)
    return show(reply, { name: 'movie-form', ...heading, formErrors, values: { movie, action, back } })
  }
}

function authorOf(request: FastifyRequest): Author {
  return { accountId: currentSession(request).accountId, ip: request.ip }
}

/** Returns one message per form field: an error in a list entry is shown at the list. */
function movieFormErrors(error: unknown): FormErrors {
  const nameTaken = { field: 'name', key: 'page.movie-form.taken' } as const
  const formErrors = formErrorsFrom(error, { MovieAlreadyExistsError: nameTaken })
  if (error instanceof AppError && error.code === 'MovieAlreadyExistsError') return formErrors
  const fields = [...new Set(Object.keys(formErrors.errors).map((path) => path.split('.')[0] ?? path))]
  const errors = fields.map((field) => [field, { key: wrongFieldKeys[field] ?? 'page.reason.invalid' }])
  return { status: formErrors.status, errors: Object.fromEntries(errors), focus: fields[0] ?? '' }
}

const wrongFieldKeys: Record<string, MessageKey> = {
  name: 'page.movie-form.wrong-name',
  year: 'page.movie-form.wrong-year',
  casts: 'page.movie-form.wrong-casts',
  genres: 'page.movie-form.wrong-genres',
  notes: 'page.movie-form.wrong-notes',
}
