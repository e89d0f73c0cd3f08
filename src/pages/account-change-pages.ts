import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { requestEmailChange } from '../account-settings/change-email.ts'
import { changePassword } from '../account-settings/change-password.ts'
import { deleteAccount } from '../account-settings/delete-account.ts'
import { readOwnAccount } from '../account-settings/own-account.ts'
import { undoDeadline } from '../accounts/email-changes.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { clientOf } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { revokeResetLinks } from '../links/reset-link.ts'
import type { FailedLogins } from '../passwords/wrong-attempts.ts'
import { clearSessionCookie, requiredSession, requireVisitor } from '../sessions/cookie.ts'
import { formErrorsFrom, type Refusal } from './form-errors.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Config; failures: FailedLogins; show: ShowPage }

/** The forms of the account that need the password. */
export const accountChangePages: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, limit, config, failures, show } = dependencies
  const tools = { db, config, failures, endResetLinks: revokeResetLinks }
  app.addHook('onRequest', requireVisitor)
  const preHandler = limit('account-change')

  app.get('/account/password', (request, reply) => showPassword(request, reply))

  const passwords = Type.Object({ current_password: Type.String(), new_password: Type.String() })
  app.post('/account/password', { schema: { body: passwords }, preHandler }, async (request, reply) => {
    const { current_password: current, new_password: wanted } = request.body
    const change = { current, wanted, client: clientOf(request) }
    try {
      await changePassword(tools, requiredSession(request), change)
      return await reply.redirect('/account?done=password-changed', 303)
    } catch (error) {
      return showPassword(request, reply, formErrorsFrom(error, wrongPassword('current_password')))
    }
  })

  async function showPassword(request: FastifyRequest, reply: FastifyReply, refusal?: Refusal) {
    const { email } = await readOwnAccount(db, requiredSession(request).accountId)
    const values = { email, length: config.minPasswordLength }
    return show(reply, { name: 'account-password', title: 'account-password', refusal, values })
  }

  app.get('/account/address', (_request, reply) => showAddress(reply, ''))

  const address = Type.Object({ email: Type.String(), password: Type.String() })
  app.post('/account/address', { schema: { body: address }, preHandler }, async (request, reply) => {
    const wish = { email: request.body.email.trim(), password: request.body.password }
    try {
      await requestEmailChange(tools, requiredSession(request), wish, clientOf(request))
      return await reply.redirect('/account?done=address-asked', 303)
    } catch (error) {
      return showAddress(reply, wish.email, formErrorsFrom(error, wrongPassword('password')))
    }
  })

  function showAddress(reply: FastifyReply, email: string, refusal?: Refusal) {
    return show(reply, { name: 'account-address', title: 'account-address', refusal, values: { email } })
  }

  app.get('/account/delete', (request, reply) => showDeletion(request, reply))

  const deletion = Type.Object({ password: Type.String(), movies: Type.Enum(['keep', 'delete']) })
  app.post('/account/delete', { schema: { body: deletion }, preHandler }, async (request, reply) => {
    const { password, movies } = request.body
    const wish = { password, deleteMovies: movies === 'delete', client: clientOf(request) }
    try {
      const { deletedAt, isWaiting } = await deleteAccount(tools, requiredSession(request).accountId, wish)
      clearSessionCookie(reply, config)
      const until = isWaiting ? deletedAt : null
      return await show(reply, { name: 'account-deleted', title: 'account-deleted', values: { until } })
    } catch (error) {
      return showDeletion(request, reply, movies, formErrorsFrom(error, wrongPassword('password')))
    }
  })

  async function showDeletion(request: FastifyRequest, reply: FastifyReply, movies = 'keep', refusal?: Refusal) {
    const until = await undoDeadline(db, requiredSession(request).accountId)
    return show(reply, { name: 'account-delete', title: 'account-delete', refusal, values: { movies, until } })
  }
}

function wrongPassword(field: string) {
  return { UnauthorizedError: { field, sentence: 'page.form.wrong-password' } }
}
