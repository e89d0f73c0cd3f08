import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { requestEmailChange } from '../account-settings/change-email.ts'
import type { Database } from '../database/database.ts'
import { readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import type { FailedLogins } from '../passwords/wrong-attempts.ts'
import { requiredSession, requireVisitor } from '../sessions/cookie.ts'
import { formErrorsFrom } from './form-errors.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; limit: LimitByCaller; failures: FailedLogins; show: ShowPage }

export const changeEmailPage: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, failures, show }) => {
  app.addHook('onRequest', requireVisitor)
  const page = { name: 'account-address', title: 'account-address' }

  app.get('/account/address', (_request, reply) => show(reply, { ...page, values: { email: '' } }))

  const body = strictObject({ email: Type.String(), password: Type.String() })
  const preHandler = limit('account-change')
  app.post('/account/address', { schema: { body }, preHandler }, async (request, reply) => {
    const change = { email: request.body.email.trim(), password: request.body.password }
    try {
      const tools = { db, failures }
      await requestEmailChange(tools, requiredSession(request), change, readClient(request))
      return await reply.redirect('/account?done=address-asked', 303)
    } catch (error) {
      const wrongPassword = { field: 'password', sentence: 'page.form.wrong-password' }
      const formErrors = formErrorsFrom(error, { UnauthorizedError: wrongPassword })
      return show(reply, { ...page, formErrors, values: { email: change.email } })
    }
  })
}
