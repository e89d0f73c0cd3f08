import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { askForReset } from '../recovery/forgot-password.ts'
import type { ShowPage } from './page.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Config; show: ShowPage }

export const forgotPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, config, show }) => {
  app.get('/forgot', (_request, reply) => {
    return show(reply, { name: 'forgot', title: 'forgot', values: { email: '' } })
  })

  const schema = { body: Type.Object({ email: Type.String() }) }
  app.post('/forgot', { schema, preHandler: limit('forgot-password') }, async (request, reply) => {
    const { email } = request.body
    try {
      const code = await askForReset(db, config, email.trim())
      return await show(reply, { name: 'forgot-sent', title: 'forgot-sent', values: { email, code } })
    } catch (error) {
      if (!(error instanceof AppError) || error.status !== 400) throw error
      const values = { email, error: error.fields?.[0]?.detail ?? error.message }
      return show(reply, { name: 'forgot', title: 'forgot', status: 400, values })
    }
  })
}
