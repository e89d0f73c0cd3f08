import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { deviceOf } from '../http/device.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { askForResetAgain } from '../recovery/renew-link.ts'
import { lookAtResetLink } from '../recovery/reset-link.ts'
import { finishReset } from '../recovery/reset-password.ts'
import type { ShowPage } from './page.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Config; show: ShowPage }

export const resetPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, config, show }) => {
  app.get('/reset/:token', { schema: { params: Type.Object({ token: Type.String() }) } }, (request, reply) => {
    return showLink(reply, request.params.token)
  })

  const schema = { body: Type.Object({ reset_token: Type.String(), password: Type.String() }) }
  app.post('/reset', { schema, preHandler: limit('reset-password') }, async (request, reply) => {
    const { reset_token: token, password } = request.body
    try {
      await finishReset(db, config, { token, password, device: deviceOf(request) })
      return await show(reply, { name: 'reset-done', title: 'reset-done' })
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error
      return showLink(reply, token, { status: error.status, error: error.fields?.[0]?.detail ?? '' })
    }
  })

  const renewal = { body: Type.Object({ reset_token: Type.String() }) }
  app.post('/reset/renew', { schema: renewal, preHandler: limit('forgot-password') }, async (request, reply) => {
    const link = await lookAtResetLink(db, request.body.reset_token)
    const code = await askForResetAgain(db, config, request.body.reset_token)
    const email = link ? masked(link.email) : ''
    return show(reply, { name: 'forgot-sent', title: 'forgot-sent', values: { email, code } })
  })

  /** The form where the link lives; else what has become of it, before anybody types a password. */
  async function showLink(reply: FastifyReply, token: string, { status = 200, error = '' } = {}) {
    const link = await lookAtResetLink(db, token)
    if (link?.state === 'live') {
      const values = { token, email: masked(link.email), length: config.minPasswordLength, error }
      return show(reply, { name: 'reset', title: 'reset', status, values })
    }
    const at = link?.endedAt?.toLocaleString(config.defaultLocale, { timeZone: 'UTC', timeZoneName: 'short' })
    const values = { token, state: link?.state ?? 'unknown', at: at ?? '' }
    return show(reply, { name: 'reset-dead', title: 'reset-dead', status: link ? 410 : 404, values })
  }
}

/** Enough of an address for its owner to know it, and no more. */
function masked(email: string): string {
  const at = email.lastIndexOf('@')
  const [first = ''] = email
  return `${first}•••${email.slice(at)}`
}
