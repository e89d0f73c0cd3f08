import { join } from 'node:path'
import type { FastifyReply } from 'fastify'
import type { Config } from '../config.ts'
import { noStore, pagePolicy } from '../http/security-headers.ts'
import { sentence } from '../http/sentences.ts'
import { liquid } from '../mail/templates.ts'

/**
 * Answers with the page of that name in `templates/pages/`. Its heading is the one given, such as a movie's name, or else
 * the sentence `page.<title>.title`; `values` are what its template reads.
 */
export type ShowPage = (
  reply: FastifyReply,
  page: { name: string; title: string; heading?: string; status?: number; values?: Record<string, unknown> },
) => Promise<FastifyReply>

export function openPages({ templatesDir, defaultLocale: locale }: Config): ShowPage {
  const own = templatesDir ? [join(templatesDir, 'pages')] : []
  const engine = liquid([...own, join(import.meta.dirname, '../../templates/pages')], '.html')
  return async (reply, { name, title, heading = sentence(locale, `page.${title}.title`), status = 200, values }) => {
    const { routeOptions, visitor } = reply.request
    const common = {
      locale,
      title,
      heading,
      path: routeOptions.url ?? '',
      visitor: Boolean(visitor),
      errors: {},
      focus: '',
    }
    const html = await engine.renderFile(name, { ...common, ...values })
    return reply
      .code(status)
      .headers({ ...noStore, 'content-security-policy': pagePolicy })
      .type('text/html; charset=utf-8')
      .send(html)
  }
}
