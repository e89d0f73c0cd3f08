import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { validationError } from '../http/error-handler.ts'
import { addMovie, newMovie } from '../movies/add-movie.ts'
import { changeMovie } from '../movies/change-movie.ts'
import { type MovieFields, movieParams } from '../movies/movie.ts'
import type { CheckMovieQuota } from '../movies/quota.ts'
import { requiredSession, requireVisitor } from '../sessions/cookie.ts'
import { formErrorsFrom, type Refusal } from './form-errors.ts'
import { movieOnPage } from './movie-page.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; checkMovieQuota: CheckMovieQuota; show: ShowPage }

/** A movie as a form holds it. */
const form = Type.Object({
  name: Type.String(),
  year: Type.String(),
  casts: Type.String(),
  genres: Type.String(),
  notes: Type.String(),
})
type Form = Static<typeof form>

/** To add a movie, and to change one's own. */
export const movieFormPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, checkMovieQuota, show }) => {
  app.addHook('onRequest', requireVisitor)

  app.get('/movies/new', (_request, reply) => {
    const blank = { name: '', year: '', casts: '', genres: '', notes: '' }
    return showForm(reply, blank)
  })

  app.post('/movies/new', { schema: { body: form } }, async (request, reply) => {
    try {
      const { id } = await addMovie({ db, checkMovieQuota }, requiredSession(request).accountId, fieldsIn(request))
      return await reply.redirect(`/movies/${id}?done=added`, 303)
    } catch (error) {
      return showForm(reply, request.body, { refusal: inFormsWords(error) })
    }
  })

  app.get('/movies/:id/edit', { schema: { params: movieParams } }, async (request, reply) => {
    const movie = await movieOnPage(db, request.params.id)
    if (movie.added_by !== requiredSession(request).accountId) throw new AppError('UpdatingMovieError')
    const { id, name, year, casts, genres, notes } = movie
    const shown = {
      name,
      year: String(year ?? ''),
      casts: casts.join('\n'),
      genres: tagsOf(genres),
      notes: notes ?? '',
    }
    return showForm(reply, shown, { id })
  })

  app.post('/movies/:id/edit', { schema: { params: movieParams, body: form } }, async (request, reply) => {
    const { id } = request.params
    try {
      await changeMovie(db, id, requiredSession(request).accountId, fieldsIn(request))
      return await reply.redirect(`/movies/${encodeURIComponent(id)}?done=changed`, 303)
    } catch (error) {
      return showForm(reply, request.body, { refusal: inFormsWords(error), id })
    }
  })

  function showForm(reply: FastifyReply, movie: Form, { id, refusal }: { id?: string; refusal?: Refusal } = {}) {
    const action = id ? `/movies/${encodeURIComponent(id)}/edit` : '/movies/new'
    const back = id ? `/movies/${encodeURIComponent(id)}` : '/'
    const [title, focus] = id ? ['movie-edit', ''] : ['movie-new', 'name']
    return show(reply, { name: 'movie-form', title, focus, refusal, values: { movie, action, back } })
  }

  /** One sentence for each field, whatever of it is wrong: that of a list is told at the list. */
  function inFormsWords(error: unknown): Refusal {
    const taken = { field: 'name', sentence: 'page.movie-form.taken' }
    const refusal = formErrorsFrom(error, { MovieAlreadyExistsError: taken })
    if (error instanceof AppError && error.code === 'MovieAlreadyExistsError') return refusal
    const [focus = '', ...others] = new Set(Object.keys(refusal.errors).map((field) => field.split('.')[0] ?? field))
    const told = [focus, ...others].map((field) => [field, { sentence: `page.movie-form.wrong-${field}` }])
    return { status: refusal.status, errors: Object.fromEntries(told), focus }
  }
}

// An Arabic keyboard has a comma of its own.
const comma = /[,،]/

/** What the form says, held against the schema of the API. Throws `SchemaValidationError`. */
function fieldsIn(request: FastifyRequest<{ Body: Form }>): MovieFields {
  const { name, year, casts, genres, notes } = request.body
  const fields = {
    name: name.trim(),
    casts: linesIn(casts),
    genres: /\n./.test(genres.trim()) || genres.endsWith('\n') ? linesIn(genres) : partsOf(genres, comma),
    year: year.trim() === '' ? null : Number(year),
    notes: notes.trim() === '' ? null : notes.replaceAll('\r\n', '\n').trim(),
  }
  const isValid = request.compileValidationSchema(newMovie, 'body')
  if (!isValid(fields)) throw validationError('body', isValid.errors ?? [])
  return fields
}

function linesIn(text: string): string[] {
  return partsOf(text, '\n')
}

function partsOf(text: string, separator: string | RegExp): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter(Boolean)
}

/** As one would type them; one on each line where a comma belongs to a genre. */
function tagsOf(genres: string[]): string {
  return genres.some((genre) => comma.test(genre)) ? `${genres.join('\n')}\n` : genres.join(', ')
}
