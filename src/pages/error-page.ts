import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AppError } from '../errors.ts'
import { errorCodes } from '../errors.ts'
import { sendJson } from '../http/error-handler.ts'
import type { ShowPage } from './page.ts'

/** Makes the renderer of errors that shows browsers a page, and gives programs and all that ask the API its JSON. */
export function errorsFor(show: ShowPage) {
  return (error: AppError, request: FastifyRequest, reply: FastifyReply) => {
    if (!isForBrowser(request)) return sendJson(error, request, reply)
    const values = { message: errorCodes[error.code].message, detail: error.detail ?? '' }
    return show(reply.headers(error.headers), { name: 'error', title: 'error', status: error.status, values })
  }
}

function isForBrowser({ url, headers }: FastifyRequest): boolean {
  return /\btext\/html\b/.test(headers.accept ?? '') && !/^\/(api|health)\b/.test(url)
}
