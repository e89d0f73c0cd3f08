import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { validationError } from '../http/error-handler.ts'
import { strictObject } from '../http/schemas.ts'
import { type MovieFields, newMovie } from '../movies/movie.ts'

/** A movie as form fields. Lists are text with one entry per line; genres may be separated by commas instead. */
export const movieForm = strictObject({
  name: Type.String(),
  year: Type.String(),
  casts: Type.String(),
  genres: Type.String(),
  notes: Type.String(),
})

export type MovieForm = Static<typeof movieForm>

export const emptyMovieForm: MovieForm = { name: '', year: '', casts: '', genres: '', notes: '' }

/** Reads a movie from its form. Throws `SchemaValidationError` if the API would refuse the movie. */
export function parseMovieForm(request: FastifyRequest<{ Body: MovieForm }>): MovieFields {
  const { name, year, casts, genres, notes } = request.body
  const fields = {
    name: name.trim(),
    casts: splitList(casts, '\n'),
    genres: isOnePerLine(genres) ? splitList(genres, '\n') : splitList(genres, comma),
    year: year.trim() === '' ? null : wholeNumber(year.trim()),
    notes: notes.trim() === '' ? null : notes.replaceAll('\r\n', '\n').trim(),
  }
  const isValid = request.compileValidationSchema(newMovie, 'body')
  if (!isValid(fields)) throw validationError('body', isValid.errors ?? [])
  return fields
}

function wholeNumber(digits: string): number {
  return /^\d+$/.test(digits) ? Number(digits) : Number.NaN
}

// Arabic keyboards have a comma of their own.
const comma = /[,،]/

function isOnePerLine(list: string): boolean {
  return /\n./.test(list.trim()) || list.endsWith('\n')
}

function splitList(list: string, separator: string | RegExp): string[] {
  return list
    .split(separator)
    .map((entry) => entry.trim())
    .filter(Boolean)
}

/** Formats a movie for its form. */
export function formatMovieForm({ name, year, casts, genres, notes }: MovieFields): MovieForm {
  return {
    name,
    year: String(year ?? ''),
    casts: casts.join('\n'),
    genres: formatGenres(genres),
    notes: notes ?? '',
  }
}

/** Separates genres by commas, or puts one on each line if a genre contains a comma. */
function formatGenres(genres: string[]): string {
  return genres.some((genre) => comma.test(genre)) ? `${genres.join('\n')}\n` : genres.join(', ')
}
