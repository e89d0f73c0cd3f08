import type { FastifyReply } from 'fastify'
import type { AppError, ErrorCode } from '../errors.ts'
import type { MessageKey } from '../i18n/translate.ts'
import { fieldMessages, type PageTitle, type ShowPage, waitMs } from './render.ts'

/** Shows an error as a page. */
export function showErrorPage(show: ShowPage, error: AppError, reply: FastifyReply) {
  const { status, code, fields = [], headers } = error
  const title = titles[status] ?? 'error'
  const values = {
    more: error.messageKey ?? explanations[code] ?? '',
    waitMs: waitMs(headers),
    id: reply.request.id,
    status,
  }
  const formErrors = { status, errors: fieldMessages(fields), focus: '' }
  return show(reply.headers(headers), { name: 'error', title, formErrors, values })
}

/** The titles of statuses that have their own. */
const titles: Record<number, PageTitle> = {
  404: 'error-404',
  405: 'error-405',
  429: 'error-429',
  500: 'error-500',
  503: 'error-503',
}

/** Explanations for errors whose status alone does not say enough. */
const explanations: Partial<Record<ErrorCode, MessageKey>> = {
  UpdatingMovieError: 'page.error.not-yours',
  DeletingMovieError: 'page.error.not-yours',
  TooManyMoviesError: 'page.error.too-many-movies',
  MovieAlreadyExistsError: 'page.error.name-taken',
  MovieNotExistsError: 'page.error.too-late-to-restore',
  EmailAlreadyExistsError: 'page.error.email-taken',
  BadTokenError: 'page.error.bad-link',
  PayloadTooLargeError: 'page.error.too-large',
}
