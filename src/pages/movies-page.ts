import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { validationError } from '../http/error-handler.ts'
import { listGenres } from '../movies/genres.ts'
import { movieFilters, queryOf } from '../movies/list-movies.ts'
import { findDeletedName } from '../movies/restore-movie.ts'
import { type FoundMovies, type MovieSearch, searchMovies, sorts } from '../movies/search.ts'
import { drawCover } from './cover.ts'
import { formErrorsFrom } from './form-errors.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; config: Config; show: ShowPage }

const pageSize = 24

const query = Type.Object({
  ...movieFilters,
  after: Type.Optional(Type.String()),
  view: Type.Optional(Type.Enum(['grid', 'list'])),
  deleted: Type.Optional(Type.String()),
})

/** The collection. All that one sees is in the address, but for the choice of grid or list, which a cookie keeps. */
export const moviesPage: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, config, show }) => {
  const options = { schema: { querystring: query }, preValidation: forgetEmptyFields, attachValidation: true }
  app.get('/', options, async (request, reply) => {
    const { view: _, deleted = '', ...search } = request.query
    const view = viewOf(request, reply, config)
    const { found, formErrors } = await lookFor(request, search)
    const values = {
      view,
      ...resultsOf(search, found),
      ...(await formOf(request, search)),
      deleted: await undoable(request, deleted),
    }
    return show(reply, { name: 'movies', title: 'movies', formErrors, values })
  })

  /** What was asked for wrongly finds nothing, and is told at its field. */
  async function lookFor(request: FastifyRequest, search: Search) {
    try {
      if (request.validationError) throw validationError('query', request.validationError.validation)
      return { found: await searchMovies(db, { ...search, limit: pageSize }) }
    } catch (error) {
      return { found: { movies: [] }, formErrors: formErrorsFrom(error) }
    }
  }

  async function formOf({ visitor }: FastifyRequest, search: Search) {
    const { q = '', genre = '', cast = '', year = '', added_by = '', sort } = search
    const offered = sorts.filter((one) => one !== 'match' || q !== '')
    return {
      search: { q, genre, cast, year, added_by, sort: sort ?? offered[0] },
      sorts: offered,
      genres: await listGenres(db),
      me: visitor?.accountId ?? '',
    }
  }

  async function undoable({ visitor }: FastifyRequest, id: string) {
    const name = visitor && (await findDeletedName(db, id, visitor.accountId))
    return name ? { id, name } : null
  }
}

type Search = Omit<MovieSearch, 'limit'>

/** A form sends every field, and one that was left empty asks for nothing. */
async function forgetEmptyFields(request: FastifyRequest<{ Querystring: Static<typeof query> }>): Promise<void> {
  const fields = Object.entries(request.query).filter(([, value]) => value !== '')
  const { sort, ...others }: Static<typeof query> = Object.fromEntries(fields)
  const isKept = sort !== undefined && !(sort === 'match' && !others.q)
  request.query = isKept ? { ...others, sort } : others
}

function viewOf(request: FastifyRequest<{ Querystring: Static<typeof query> }>, reply: FastifyReply, config: Config) {
  const { view } = request.query
  if (!view) return request.cookies['movie_bag_view'] === 'list' ? 'list' : 'grid'
  const secure = config.publicUrl.startsWith('https:')
  reply.setCookie('movie_bag_view', view, { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge: 31_536_000 })
  return view === 'list' ? 'list' : 'grid'
}

function resultsOf(search: Search, { movies, next, q }: FoundMovies) {
  const { after, sort: _, ...narrowing } = search
  const { limit: __, ...following } = next ?? { limit: pageSize }
  const { after: ___, ...beginning } = search
  return {
    movies: movies.map((movie) => ({ ...movie, cover: drawCover(movie.name) })),
    corrected: q ?? '',
    isEmpty: movies.length === 0 && Object.keys(narrowing).length === 0 && !after,
    isFirst: !after,
    first: `/?${queryOf(beginning)}`,
    next: next ? `/?${queryOf(following)}` : '',
    here: queryOf(search),
    filters: filtersOf(search),
  }
}

/** Each filter that is on, and the address without it. */
function filtersOf(search: Search) {
  const { genre, cast, year, added_by } = search
  const isOn = Object.entries({ genre, cast, year, added_by }).filter(([, value]) => value !== undefined)
  return isOn.map(([name, value]) => ({
    name,
    value: String(value),
    without: `/?${queryOf({ ...search, [name]: undefined, after: undefined })}`,
  }))
}
