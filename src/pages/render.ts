import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import pLimit from 'p-limit'
import type { Config } from '../config/config.ts'
import type { FieldError } from '../errors.ts'
import { requestedLocale } from '../http/client.ts'
import { noStore, pagePolicy } from '../http/security-headers.ts'
import { formatDuration } from '../i18n/format.ts'
import { textDirection, toLanguage } from '../i18n/languages.ts'
import { templateEngine } from '../i18n/template-engine.ts'
import { type MessageKey, type MessageValues, translate } from '../i18n/translate.ts'

/** Renders a template from `templates/pages/`, in the account's language or else the browser's, and sends it. */
export type ShowPage = (reply: FastifyReply, page: Page) => Promise<FastifyReply>

export type Page = Heading & {
  name: string
  status?: number
  /** The field that is focused when the page loads. */
  focus?: string
  formErrors?: FormErrors | undefined
  /** Values for the page's template. */
  values?: Record<string, unknown>
}

/**
 * The heading is the message `page.<title>.title` unless `heading` overrides it. Without a title, it is untranslated
 * text.
 */
type Heading = { title: PageTitle; heading?: Message } | { title?: undefined; heading: string }

export type PageTitle = TitleOfKey<MessageKey>

type TitleOfKey<Key> = Key extends `page.${infer Title}.title` ? Title : never

/** A message key with its values, translated when the page is rendered. `waitMs` becomes `wait`, in words. */
export type Message = { key: MessageKey; values?: MessageValues & { waitMs?: number } }

/** Why a form is shown again: the status and headers of the response, a message per field, and the field to focus. */
export type FormErrors = {
  status: number
  headers?: Record<string, string>
  errors: Record<string, Message>
  focus: string
}

type PageSettings = Pick<Config, 'templatesDir' | 'defaultLocale' | 'signUp' | 'apiReference'>

export function openPages({ templatesDir, defaultLocale, signUp, apiReference }: PageSettings): ShowPage {
  const replaced = templatesDir ? [join(templatesDir, 'pages')] : []
  const engine = templateEngine([...replaced, join(import.meta.dirname, '../../templates/pages')], '.html')
  const site = { canSignUp: signUp === 'open', hasReference: apiReference }
  return async (reply, page) => {
    const locale = preferredLocale(reply.request) ?? defaultLocale
    const values = { ...site, ...frameValues(reply.request, page, locale), ...page.values }
    const html = await inTurn(() => engine.renderFileSync(page.name, values))
    return reply
      .code(page.formErrors?.status ?? page.status ?? 200)
      .headers({
        ...page.formErrors?.headers,
        ...noStore,
        'content-security-policy': pagePolicy,
        'content-language': locale,
        'referrer-policy': referrerPolicy(reply.request),
        vary: 'accept-language',
      })
      .type('text/html; charset=utf-8')
      .send(html)
  }
}

/**
 * Browsers send the true `Origin` with a form only from pages that may send a referrer. A URL with a token is never sent,
 * not even to ourselves: proxies log it.
 */
function referrerPolicy({ routeOptions }: FastifyRequest): string {
  return routeOptions.url?.includes(':token') === false ? 'same-origin' : 'no-referrer'
}

const oneAtATime = pLimit(1)

/**
 * Renders one page at a time, yielding to the event loop in between, so that a burst of pages does not hold up other
 * requests. They need several turns of the loop, so a large page leaves them as much time as it took.
 */
function inTurn(render: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    oneAtATime(async () => {
      await nextTurn()
      const started = performance.now()
      resolve(render())
      const took = performance.now() - started
      if (took > largePageMs) await sleep(took)
    }).catch(reject)
  })
}

const largePageMs = 4

/** Returns the message for each invalid field. */
export function fieldMessages(fields: FieldError[]): Record<string, Message> {
  return Object.fromEntries(
    fields.map(({ field, reason, min, max }) => [field, { key: `page.reason.${reason}`, values: { min, max } }]),
  )
}

/** Returns `Retry-After` in milliseconds, rounded up to whole minutes if it is over a minute. */
export function waitMs({ 'retry-after': retryAfter }: Record<string, string>): number {
  const seconds = Number(retryAfter ?? 0)
  return (seconds > 60 ? Math.ceil(seconds / 60) * 60 : seconds) * 1000
}

/**
 * Returns the account's language, or else the browser's. A request that fails before its session is looked up has no
 * account.
 */
function preferredLocale(request: FastifyRequest): string | undefined {
  return toLanguage(request.session?.locale) ?? requestedLocale(request)
}

/** What the frame around every page reads. */
function frameValues(request: FastifyRequest, { title, heading, focus, formErrors }: Page, locale: string) {
  const say = ({ key, values: { waitMs, ...values } = {} }: Message) =>
    translate(locale, key, { ...values, ...(waitMs && { wait: formatDuration(locale, waitMs) }) })
  const errors = Object.entries(formErrors?.errors ?? {}).map(([field, message]) => [field, say(message)])
  return {
    locale,
    dir: textDirection(locale),
    title,
    heading: title === undefined ? heading : say(heading ?? { key: `page.${title}.title` }),
    path: request.routeOptions.url ?? '',
    isLoggedIn: Boolean(request.session),
    errors: Object.fromEntries(errors),
    focus: formErrors?.focus ?? focus ?? '',
  }
}
