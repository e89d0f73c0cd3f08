import type { FastifyReply } from 'fastify'
import type { AppError, ErrorCode } from '../errors.ts'
import { fieldMessages, type ShowPage } from './render.ts'

/** Shows an error as a page. */
export function showErrorPage(show: ShowPage, error: AppError, reply: FastifyReply) {
  const { status, code, fields = [], headers } = error
  const title = statusesWithTitle.includes(status) ? `error-${status}` : 'error'
  const values = {
    more: error.sentence ?? explanations[code] ?? '',
    waitMs: waitMs(headers),
    id: reply.request.id,
    status,
  }
  const formErrors = { status, errors: fieldMessages(fields), focus: '' }
  return show(reply.headers(headers), { name: 'error', title, formErrors, values })
}

/** The statuses that have a title of their own, `page.error-<status>.title`. */
const statusesWithTitle = [404, 405, 429, 500, 503]

/** What the page says about an error beyond its status. */
const explanations: Partial<Record<ErrorCode, string>> = {
  UpdatingMovieError: 'page.error.not-yours',
  DeletingMovieError: 'page.error.not-yours',
  TooManyMoviesError: 'page.error.too-many-movies',
  MovieAlreadyExistsError: 'page.error.name-taken',
  MovieNotExistsError: 'page.error.movie-gone',
  EmailAlreadyExistsError: 'page.error.address-taken',
  BadTokenError: 'page.error.bad-link',
  PayloadTooLargeError: 'page.error.too-large',
}

/** Reads `Retry-After`, rounded up to full minutes if it is over one. */
function waitMs({ 'retry-after': retryAfter }: Record<string, string>): number {
  const seconds = Number(retryAfter ?? 0)
  return (seconds > 60 ? Math.ceil(seconds / 60) * 60 : seconds) * 1000
}
