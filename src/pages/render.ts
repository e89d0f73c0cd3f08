import { join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config/config.ts'
import { requestedLocale } from '../http/client.ts'
import { noStore, pagePolicy } from '../http/security-headers.ts'
import { textDirection, toLanguage } from '../i18n/languages.ts'
import { translate } from '../i18n/translate.ts'
import { templateEngine } from '../mail/render.ts'
import type { Message, Refusal } from './form-errors.ts'

/**
 * Answers with the page of that name in `templates/pages/`, in the language of whoever asks. Its heading is the one given,
 * such as a movie's name, or else the sentence `page.<title>.title`; `refusal` is why its form is shown again; `values`
 * are what its template reads.
 */
export type ShowPage = (reply: FastifyReply, page: Page) => Promise<FastifyReply>

type Page = {
  name: string
  title: string
  heading?: string | Message
  status?: number
  /** The field that one begins with. */
  focus?: string
  refusal?: Refusal | undefined
  values?: Record<string, unknown>
}

export function openPages({ templatesDir, defaultLocale }: Config): ShowPage {
  const own = templatesDir ? [join(templatesDir, 'pages')] : []
  const engine = templateEngine([...own, join(import.meta.dirname, '../../templates/pages')], '.html')
  return async (reply, { name, title, heading, status = 200, focus = '', refusal, values }) => {
    const { routeOptions, visitor } = reply.request
    const locale = localeOf(reply.request) ?? defaultLocale
    const common = {
      locale,
      dir: textDirection(locale),
      title,
      heading: typeof heading === 'string' ? heading : told(locale, heading ?? { sentence: `page.${title}.title` }),
      path: routeOptions.url ?? '',
      visitor: Boolean(visitor),
      errors: errorsIn(locale, refusal),
      focus: refusal?.focus ?? focus,
    }
    const html = await engine.renderFile(name, { ...common, ...values })
    return reply
      .code(refusal?.status ?? status)
      .headers({
        ...noStore,
        'content-security-policy': pagePolicy,
        'content-language': locale,
        vary: 'accept-language',
      })
      .type('text/html; charset=utf-8')
      .send(html)
  }
}

/** Of the account that is signed in, or else of the browser. Where a request fails early nobody knows the account. */
function localeOf(request: FastifyRequest): string | undefined {
  return toLanguage(request.visitor?.locale) ?? requestedLocale(request)
}

function errorsIn(locale: string, { errors }: Pick<Refusal, 'errors'> = { errors: {} }): Record<string, string> {
  return Object.fromEntries(Object.entries(errors).map(([field, error]) => [field, told(locale, error)]))
}

function told(locale: string, { sentence: key, values }: Message): string {
  return translate(locale, key, values)
}
