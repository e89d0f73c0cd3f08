import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import { readResetRequest, requestReset } from '../recovery/forgot-password.ts'
import { formErrorsFrom } from './form-errors.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Config; show: ShowPage }

export const forgotPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, config, show }) => {
  app.get('/forgot', (_request, reply) => {
    return show(reply, { name: 'forgot', title: 'forgot', focus: 'email', values: { email: '' } })
  })

  const schema = { body: strictObject({ email: Type.String() }) }
  app.post('/forgot', { schema, preHandler: limit('forgot-password') }, async (request, reply) => {
    const email = request.body.email.trim()
    try {
      const code = await requestReset({ db, config }, email, readResetRequest(request, config))
      return await show(reply, { name: 'forgot-sent', title: 'forgot-sent', values: { email, code } })
    } catch (error) {
      const formErrors = formErrorsFrom(error, {
        EmailDoesnotExistsError: { field: 'email', key: 'page.forgot.unknown' },
      })
      return show(reply, { name: 'forgot', title: 'forgot', formErrors, values: { email } })
    }
  })
}
