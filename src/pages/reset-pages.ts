import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { readClient, requestedLocale } from '../http/client.ts'
import { clearSessionCookie } from '../http/cookies.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import { findLink, type Link } from '../links/link.ts'
import type { PasswordRule } from '../passwords/rule.ts'
import { renewResetLink } from '../recovery/forgot-password.ts'
import { resetPassword } from '../recovery/reset-password.ts'
import { formErrorsFrom } from './form-errors.ts'
import type { FormErrors, Page, ShowPage } from './render.ts'
import { linkPaths, showLink } from './show-link.ts'

type Dependencies = { db: Database; limit: LimitByCaller; rule: PasswordRule; config: Config; show: ShowPage }

export const resetPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, rule, config, show }) => {
  for (const url of linkPaths('/reset')) {
    app.get(url, { schema: { params: Type.Object({ token: Type.String() }) } }, async (request, reply) => {
      const { token } = request.params
      return showLink(show, reply, { link: await findLink(db, ['reset-password'], token), ...resetPage(token, config) })
    })
  }

  // A browser that reloads, or goes back after sending a form, comes here.
  for (const path of ['/reset', '/reset/renew']) app.get(path, (_request, reply) => reply.redirect('/forgot', 303))

  const schema = { body: strictObject({ reset_token: Type.String(), password: Type.String() }) }
  app.post('/reset', { schema, preHandler: limit('reset-password') }, async (request, reply) => {
    const { reset_token: token, password } = request.body
    try {
      const { accountId } = await resetPassword({ db, rule }, { token, password }, readClient(request))
      // The reset has ended the account's sessions. A session of another account in this browser continues.
      if (request.session?.accountId === accountId) {
        clearSessionCookie(reply, config)
        request.session = null
      }
    } catch (error) {
      const isDead = error instanceof AppError && error.status === 403
      const formErrors = isDead ? undefined : formErrorsFrom(error)
      return showLink(show, reply, {
        link: await findLink(db, ['reset-password'], token),
        ...resetPage(token, config, formErrors),
      })
    }
    return show(reply, { name: 'reset-done', title: 'reset-done' })
  })

  const renewal = { body: strictObject({ reset_token: Type.String() }) }
  app.post('/reset/renew', { schema: renewal, preHandler: limit('forgot-password') }, async (request, reply) => {
    const { supportCode, email } = await renewResetLink(db, request.body.reset_token, requestedLocale(request))
    const values = { email: maskEmail(email), code: supportCode }
    return show(reply, { name: 'forgot-sent', title: 'forgot-sent', values })
  })
}

/** The form behind a reset link. A dead link offers a new one right away, before the user types a password. */
function resetPage(token: string, config: Pick<Config, 'minPasswordLength'>, formErrors?: FormErrors) {
  const live = ({ email }: Link): Page => ({
    name: 'reset',
    title: 'reset',
    focus: 'password',
    formErrors,
    values: { token, email, masked: maskEmail(email), length: config.minPasswordLength },
  })
  return { live, dead: { name: 'reset', values: { token } } } as const
}

/** Leaves enough of an email address for its owner to recognize it, and no more. */
function maskEmail(email: string): string {
  const at = email.lastIndexOf('@')
  const [first = ''] = email
  return `${first}•••${email.slice(at)}`
}
