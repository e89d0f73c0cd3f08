import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AppError, ErrorCode } from '../errors.ts'
import { sendJson } from '../http/error-handler.ts'
import { messageFor } from './form-errors.ts'
import type { ShowPage } from './render.ts'

/** The others are told by the sentences of `page.error`. */
const statusesWithSentences = [404, 405, 429, 500, 503]

/** What a page tells of an error beside what is told of its status. */
const sentences: Partial<Record<ErrorCode, string>> = {
  UpdatingMovieError: 'page.error.not-yours',
  DeletingMovieError: 'page.error.not-yours',
  TooManyMoviesError: 'page.error.too-many-movies',
  MovieAlreadyExistsError: 'page.error.name-taken',
  MovieNotExistsError: 'page.error.movie-gone',
  EmailAlreadyExistsError: 'page.error.address-taken',
  BadTokenError: 'page.error.bad-link',
  PayloadTooLargeError: 'page.error.too-large',
}

/** Makes the renderer of errors that shows browsers a page, and gives programs and all that ask the API its JSON. */
export function openErrorPages(show: ShowPage) {
  return (error: AppError, request: FastifyRequest, reply: FastifyReply) => {
    if (!isForBrowser(request)) return sendJson(error, request, reply)
    const { status, code, fields = [], headers } = error
    const title = statusesWithSentences.includes(status) ? `error-${status}` : 'error'
    const values = {
      more: error.sentence ?? sentences[code] ?? '',
      waitMs: waitMs(headers),
      id: request.id,
      status,
    }
    const refusal = {
      status,
      errors: Object.fromEntries(fields.map((wrong) => [wrong.field, messageFor(wrong)])),
      focus: '',
    }
    return show(reply.headers(headers), { name: 'error', title, refusal, values })
  }
}

/** From `Retry-After`: to the minute, where it is more than one. */
function waitMs({ 'retry-after': after }: Record<string, string>): number {
  const seconds = Number(after ?? 0)
  return (seconds > 60 ? Math.ceil(seconds / 60) * 60 : seconds) * 1000
}

function isForBrowser({ url, headers }: FastifyRequest): boolean {
  return /\btext\/html\b/.test(headers.accept ?? '') && !/^\/(api|health)\b/.test(url)
}
