import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { changePassword } from '../account-settings/change-password.ts'
import { readOwnAccount } from '../account-settings/own-account.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import type { PasswordRule } from '../passwords/rule.ts'
import { currentSession, requireLogin } from '../sessions/require-session.ts'
import { formErrorsFrom, wrongPassword } from './form-errors.ts'
import type { FormErrors, ShowPage } from './render.ts'

type Dependencies = { db: Database; limit: LimitByCaller; rule: PasswordRule; config: Config; show: ShowPage }

export const changePasswordPage: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, limit, rule, config, show } = dependencies
  app.addHook('onRequest', requireLogin)

  app.get('/account/password', (request, reply) => showForm(request, reply))

  const body = strictObject({ current_password: Type.String(), new_password: Type.String() })
  const preHandler = limit('account-change')
  app.post('/account/password', { schema: { body }, preHandler }, async (request, reply) => {
    const { current_password: current, new_password: wanted } = request.body
    const change = { current, wanted, client: readClient(request) }
    try {
      await changePassword({ db, rule }, currentSession(request), change)
      return await reply.redirect('/account?done=password-changed', 303)
    } catch (error) {
      return showForm(request, reply, formErrorsFrom(error, wrongPassword('current_password')))
    }
  })

  async function showForm(request: FastifyRequest, reply: FastifyReply, formErrors?: FormErrors) {
    const { email } = await readOwnAccount(db, currentSession(request).accountId)
    const values = { email, length: config.minPasswordLength }
    return show(reply, { name: 'account-password', title: 'change-password', formErrors, values })
  }
}
