import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, onSendHookHandler } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config/config.ts'
import { AppError } from '../errors.ts'
import { noStore, pagePolicy } from '../http/security-headers.ts'
import { languageName, languages } from '../i18n/languages.ts'
import { translate } from '../i18n/translate.ts'
import { isMailTemplate, mailTemplates, sampleValues } from '../mail/check-templates.ts'
import { openMailTemplates, subjectKey } from '../mail/render.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { config: Config; show: ShowPage }

/**
 * Previews of every mail in every language, for template authors; not in production. Templates are read again for each
 * preview, so that edits show on reload.
 */
export const mailPreviews: FastifyPluginAsyncTypebox<Dependencies> = async (app, { config, show }) => {
  const locales = languages.map((code) => ({ code, name: languageName(code) }))
  const schema = { params: Type.Object({ locale: Type.String(), kind: Type.String() }) }

  app.get('/dev/mails', (_request, reply) => {
    const { defaultLocale: locale } = config
    const mails = mailTemplates.map((kind) => ({ kind, subject: translate(locale, subjectKey(kind)) }))
    return show(reply, { name: 'dev-mails', heading: 'Mails', values: { mails, locales } })
  })

  app.get('/dev/mails/:locale/:kind', { schema, onSend: allowFrame }, async ({ params }, reply) => {
    const page = { name: 'dev-mail', heading: params.kind }
    const values = { kind: params.kind, language: params.locale, locales }
    try {
      return await show(reply, { ...page, values: { ...values, mail: await preview(params), problem: '' } })
    } catch (error) {
      // Show template errors to the author.
      if (error instanceof AppError || !(error instanceof Error)) throw error
      return show(reply, { ...page, status: 500, values: { ...values, mail: null, problem: error.message } })
    }
  })

  app.get('/dev/mails/:locale/:kind/html', { schema }, async ({ params }, reply): Promise<FastifyReply> => {
    const { html } = await preview(params)
    return reply
      .headers({ ...noStore, ...frameHeaders })
      .type('text/html; charset=utf-8')
      .send(html)
  })

  async function preview({ locale, kind }: { locale: string; kind: string }) {
    if (!languages.includes(locale) || !isMailTemplate(kind)) throw new AppError('NotFoundError')
    return openMailTemplates(config)(kind, locale, await sampleValues(kind, locale))
  }
}

const allowFrame: onSendHookHandler = async (_request, reply) => {
  reply.header('content-security-policy', `${pagePolicy}; frame-src 'self'`)
}

/**
 * A mail has inline styles, because mail clients need them. It is shown in a sandboxed frame on our own page, where no
 * scripts run.
 */
const frameHeaders = {
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'",
  'x-frame-options': 'SAMEORIGIN',
}
