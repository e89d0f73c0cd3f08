import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { cookieName, cookieOptions } from '../http/cookies.ts'
import { validationError } from '../http/error-handler.ts'
import { rateLimitKey } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import { cachedGenres } from '../movies/genres.ts'
import { movieFilters, toQuery } from '../movies/list-movies.ts'
import { findDeletedName } from '../movies/restore-movie.ts'
import { type FoundMovies, type MovieSearch, searchMovies } from '../movies/search.ts'
import { sorts } from '../movies/search-sql.ts'
import { drawCover } from './cover.ts'
import { formErrorsFrom } from './form-errors.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; site: Pick<Config, 'publicUrl'>; show: ShowPage }

const pageSize = 24

const query = strictObject({
  ...movieFilters,
  after: Type.Optional(Type.String()),
  view: Type.Optional(Type.Enum(['grid', 'list'])),
  deleted: Type.Optional(Type.String()),
})

type Query = Static<typeof query>
type Search = Omit<MovieSearch, 'limit'>

/** The collection. The URL determines everything shown except the choice of grid or list, which is kept in a cookie. */
export const moviesPage: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, site, show }) => {
  const genres = cachedGenres(db)
  const options = { schema: { querystring: query }, preValidation: omitEmptyFields, attachValidation: true }
  app.get('/', options, async (request, reply) => {
    const { view: _, deleted = '', ...search } = request.query
    const accountId = request.session?.accountId
    const { found, formErrors } = await findMovies(db, request, search)
    const values = {
      view: chooseView(request, reply, site),
      ...resultValues(search, found),
      ...formValues(search, accountId),
      genres: await genres(),
      deleted: await findUndoable(db, deleted, accountId),
    }
    return show(reply, { name: 'movies', title: 'movies', formErrors, values })
  })
}

/** Drops fields that the form sends empty, and `sort=match` if there is no search text. */
async function omitEmptyFields(request: FastifyRequest<{ Querystring: Query }>): Promise<void> {
  const fields = Object.entries(request.query).filter(([, value]) => value !== '')
  const { sort, ...others }: Query = Object.fromEntries(fields)
  const isSorted = sort !== undefined && !(sort === 'match' && !others.q)
  request.query = isSorted ? { ...others, sort } : others
}

/** If a search field is invalid, returns no movies and an error message for that field. */
async function findMovies(db: Database, { validationError: invalid, ip }: FastifyRequest, search: Search) {
  try {
    if (invalid) throw validationError('query', invalid.validation)
    return { found: await searchMovies(db, { ...search, limit: pageSize }, rateLimitKey(ip)) }
  } catch (error) {
    return { found: { movies: [] }, formErrors: searchFormErrors(error) }
  }
}

/** Rethrows the error for an unknown field, which the form has nowhere to show. */
function searchFormErrors(error: unknown) {
  if (error instanceof AppError && error.fields?.some(({ reason }) => reason === 'unknown')) throw error
  return formErrorsFrom(error)
}

/** Returns the requested view and remembers it in a cookie, or returns the remembered view if none is requested. */
function chooseView(request: FastifyRequest<{ Querystring: Query }>, reply: FastifyReply, site: Dependencies['site']) {
  const { view } = request.query
  const name = cookieName('movie_bag_view', site)
  if (!view) return request.cookies[name] === 'list' ? 'list' : 'grid'
  reply.setCookie(name, view, { ...cookieOptions(site), maxAge: 31_536_000 })
  return view === 'list' ? 'list' : 'grid'
}

function resultValues(search: Search, { movies, next, q }: FoundMovies) {
  const { after, sort: _, ...filters } = search
  const { limit: __, ...nextPage } = next ?? { limit: pageSize }
  const { after: ___, ...firstPage } = search
  return {
    movies: movies.map((movie) => ({ ...movie, cover: drawCover(movie.name) })),
    corrected: q ?? '',
    isEmpty: movies.length === 0 && Object.keys(filters).length === 0 && !after,
    isFirst: !after,
    first: `/?${toQuery(firstPage)}`,
    next: next ? `/?${toQuery(nextPage)}` : '',
    here: toQuery(search),
    filters: activeFilters(search),
  }
}

/** The filters in use, each with the URL of the search without it. */
function activeFilters(search: Search) {
  const { genre, cast, year, added_by } = search
  const active = Object.entries({ genre, cast, year, added_by }).filter(([, value]) => value !== undefined)
  return active.map(([name, value]) => ({
    name,
    value: String(value),
    without: `/?${toQuery({ ...search, [name]: undefined, after: undefined })}`,
  }))
}

function formValues(search: Search, accountId = '') {
  const { q = '', genre = '', cast = '', year = '', added_by = '', sort } = search
  const offeredSorts = sorts.filter((name) => name !== 'match' || q !== '')
  return {
    search: { q, genre, cast, year, added_by, sort: sort ?? offeredSorts[0] },
    sorts: offeredSorts,
    me: accountId,
  }
}

/** Returns the movie that the account has just deleted, while it can still be restored. */
async function findUndoable(db: Database, id: string, accountId: string | undefined) {
  const name = accountId && (await findDeletedName(db, id, accountId))
  return name ? { id, name } : null
}
