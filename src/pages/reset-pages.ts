import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { readClient, requestedLocale } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { findLink } from '../links/link.ts'
import { renewResetLink } from '../recovery/forgot-password.ts'
import { resetPassword } from '../recovery/reset-password.ts'
import { clearSessionCookie } from '../sessions/cookie.ts'
import { formErrorsFrom } from './form-errors.ts'
import type { FormErrors, ShowPage } from './render.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Config; show: ShowPage }

export const resetPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, config, show }) => {
  app.get('/reset/:token', { schema: { params: Type.Object({ token: Type.String() }) } }, (request, reply) => {
    return showLink(reply, request.params.token)
  })

  // Where a browser comes back to that had sent a form.
  for (const path of ['/reset', '/reset/renew']) app.get(path, (_request, reply) => reply.redirect('/forgot', 303))

  const schema = { body: Type.Object({ reset_token: Type.String(), password: Type.String() }) }
  app.post('/reset', { schema, preHandler: limit('reset-password') }, async (request, reply) => {
    const { reset_token: token, password } = request.body
    try {
      const tools = { db, minPasswordLength: config.minPasswordLength }
      const { accountId } = await resetPassword(tools, { token, password }, readClient(request))
      // The session of the account is over, and a reset does not log in. Another account's, in the same browser, goes on.
      if (request.visitor?.accountId === accountId) clearSessionCookie(reply, config)
    } catch (error) {
      const isDead = error instanceof AppError && error.status === 403
      return showLink(reply, token, isDead ? undefined : formErrorsFrom(error))
    }
    return show(reply, { name: 'reset-done', title: 'reset-done' })
  })

  const renewal = { body: Type.Object({ reset_token: Type.String() }) }
  app.post('/reset/renew', { schema: renewal, preHandler: limit('forgot-password') }, async (request, reply) => {
    const { supportCode, email } = await renewResetLink(db, request.body.reset_token, requestedLocale(request))
    return show(reply, {
      name: 'forgot-sent',
      title: 'forgot-sent',
      values: { email: masked(email), code: supportCode },
    })
  })

  /** The form where the link lives; else what has become of it, before anybody types a password. */
  async function showLink(reply: FastifyReply, token: string, formErrors?: FormErrors) {
    const link = await findLink(db, ['reset-password'], token)
    if (link?.state === 'live') {
      const { email } = link
      const values = { token, email, masked: masked(email), length: config.minPasswordLength }
      return show(reply, { name: 'reset', title: 'reset', focus: 'password', formErrors, values })
    }
    const state = link?.state ?? 'unknown'
    const values = { token, state, at: link?.endedAt ?? null }
    return show(reply, { name: 'reset-dead', title: `reset-${state}`, status: link ? 410 : 404, values })
  }
}

/** Enough of an address for its owner to know it, and no more. */
function masked(email: string): string {
  const at = email.lastIndexOf('@')
  const [first = ''] = email
  return `${first}•••${email.slice(at)}`
}
