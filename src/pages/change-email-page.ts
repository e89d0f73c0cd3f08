import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { requestEmailChange } from '../account-settings/change-email.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import { currentSession, requireLogin } from '../sessions/require-session.ts'
import { formErrorsFrom, wrongPassword } from './form-errors.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; config: Pick<Config, 'production'>; limit: LimitByCaller; show: ShowPage }

export const changeEmailPage: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, config, limit, show }) => {
  app.addHook('onRequest', requireLogin)
  const page = { name: 'account-address', title: 'change-email' } as const

  app.get('/account/address', (_request, reply) => show(reply, { ...page, values: { email: '' } }))

  const body = strictObject({ email: Type.String(), password: Type.String() })
  const preHandler = limit('account-change')
  app.post('/account/address', { schema: { body }, preHandler }, async (request, reply) => {
    const { password } = request.body
    const change = { email: request.body.email.trim(), password, client: readClient(request) }
    try {
      await requestEmailChange({ db, config }, currentSession(request), change)
      return await reply.redirect('/account?done=email-change-requested', 303)
    } catch (error) {
      const formErrors = formErrorsFrom(error, wrongPassword('password'))
      return show(reply, { ...page, formErrors, values: { email: change.email } })
    }
  })
}
