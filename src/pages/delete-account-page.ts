import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { deleteAccount } from '../account-settings/delete-account.ts'
import { undoDeadline } from '../accounts/email-changes.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { readClient } from '../http/client.ts'
import { clearSessionCookie } from '../http/cookies.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import { currentSession, requireLogin } from '../sessions/require-session.ts'
import { formErrorsFrom, wrongPassword } from './form-errors.ts'
import type { FormErrors, ShowPage } from './render.ts'

type Dependencies = {
  db: Database
  limit: LimitByCaller
  config: Pick<Config, 'publicUrl'>
  show: ShowPage
}

export const deleteAccountPage: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, limit, config, show } = dependencies
  app.addHook('onRequest', requireLogin)

  app.get('/account/delete', (request, reply) => showForm(reply, currentSession(request).accountId))

  const body = strictObject({ password: Type.String(), movies: Type.Enum(['keep', 'delete']) })
  const preHandler = limit('account-change')
  app.post('/account/delete', { schema: { body }, preHandler }, async (request, reply) => {
    const { accountId } = currentSession(request)
    const { password, movies } = request.body
    const deletion = { password, deleteMovies: movies === 'delete', client: readClient(request) }
    try {
      const { deletedAt, isWaiting } = await deleteAccount(db, currentSession(request), deletion)
      clearSessionCookie(reply, config)
      request.session = null
      const until = isWaiting ? deletedAt : null
      return await show(reply, { name: 'account-deleted', title: 'account-deleted', values: { until } })
    } catch (error) {
      const formErrors = formErrorsFrom(error, wrongPassword('password'))
      return showForm(reply, accountId, { movies, formErrors })
    }
  })

  type Sent = { movies: 'keep' | 'delete'; formErrors?: FormErrors }

  async function showForm(reply: FastifyReply, accountId: string, { movies, formErrors }: Sent = { movies: 'keep' }) {
    const until = await undoDeadline(db, accountId)
    return show(reply, { name: 'account-delete', title: 'delete-account', formErrors, values: { movies, until } })
  }
}
