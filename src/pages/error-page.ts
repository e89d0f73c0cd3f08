import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AppError } from '../errors.ts'
import { sendJson } from '../http/error-handler.ts'
import type { ShowPage } from './page.ts'

/** The others are told by the sentences of `page.error`. */
const statusesWithSentences = [404, 405, 429, 500, 503]

/** Makes the renderer of errors that shows browsers a page, and gives programs and all that ask the API its JSON. */
export function errorsFor(show: ShowPage) {
  return (error: AppError, request: FastifyRequest, reply: FastifyReply) => {
    if (!isForBrowser(request)) return sendJson(error, request, reply)
    const { status, detail = '', headers } = error
    const title = statusesWithSentences.includes(status) ? `error-${status}` : 'error'
    const values = {
      detail: status === 405 || status >= 429 ? '' : detail,
      waitMs: waitMs(headers),
      id: request.id,
      status,
    }
    return show(reply.headers(headers), { name: 'error', title, status, values })
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
