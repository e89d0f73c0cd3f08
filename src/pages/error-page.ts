import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import type { AppError } from '../errors.ts'
import { sendJson } from '../http/error-handler.ts'
import { durationInWords, hasSentence } from '../http/sentences.ts'
import type { ShowPage } from './page.ts'

/** Makes the renderer of errors that shows browsers a page, and gives programs and all that ask the API its JSON. */
export function errorsFor(show: ShowPage, { defaultLocale: locale }: Pick<Config, 'defaultLocale'>) {
  return (error: AppError, request: FastifyRequest, reply: FastifyReply) => {
    if (!isForBrowser(request)) return sendJson(error, request, reply)
    const { status, detail = '', headers } = error
    const title = hasSentence(locale, `page.error-${status}.title`) ? `error-${status}` : 'error'
    const values = {
      detail: status === 405 || status >= 429 ? '' : detail,
      wait: waitInWords(locale, headers),
      id: request.id,
      status,
    }
    return show(reply.headers(headers), { name: 'error', title, status, values })
  }
}

/** From `Retry-After`: to the minute, where it is more than one. */
function waitInWords(locale: string, { 'retry-after': after }: Record<string, string>): string {
  const seconds = Number(after ?? 0)
  const rounded = seconds > 60 ? Math.ceil(seconds / 60) * 60 : seconds
  return seconds > 0 ? durationInWords(locale, rounded * 1000) : ''
}

function isForBrowser({ url, headers }: FastifyRequest): boolean {
  return /\btext\/html\b/.test(headers.accept ?? '') && !/^\/(api|health)\b/.test(url)
}
