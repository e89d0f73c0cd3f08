import { join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import type { AppError } from '../errors.ts'
import { errorCodes } from '../errors.ts'
import { noStore, pagePolicy } from '../http/security-headers.ts'
import { liquid } from '../mail/templates.ts'

/** Answers with the page of that name in `templates/pages/`, its title being the sentence `page.<title>.title`. */
export type ShowPage = (
  reply: FastifyReply,
  page: { name: string; title: string; status?: number; values?: Record<string, unknown> },
) => Promise<FastifyReply>

export function openPages({ templatesDir, defaultLocale }: Config): ShowPage {
  const own = templatesDir ? [join(templatesDir, 'pages')] : []
  const engine = liquid([...own, join(import.meta.dirname, '../../templates/pages')], '.html')
  return async (reply, { name, title, status = 200, values }) => {
    const visitor = reply.request.visitor !== null
    const html = await engine.renderFile(name, { locale: defaultLocale, title, visitor, error: '', ...values })
    return reply
      .code(status)
      .headers({ ...noStore, 'content-security-policy': pagePolicy })
      .type('text/html; charset=utf-8')
      .send(html)
  }
}

/** An error in the dress of the pages. */
export function errorPage(show: ShowPage, error: AppError, _request: FastifyRequest, reply: FastifyReply) {
  const values = { message: errorCodes[error.code].message, detail: error.detail ?? '' }
  return show(reply.headers(error.headers), { name: 'error', title: 'error', status: error.status, values })
}
