import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { clientOf } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { signAccessToken, type TokenKey } from '../sessions/access-token.ts'
import { letIn } from '../sessions/cookie.ts'
import { type LogInDependencies, openSession } from '../sessions/log-in.ts'
import { createAccount } from '../sign-up/sign-up.ts'
import { refusalOf } from './form-errors.ts'
import { ownPath } from './local-path.ts'
import type { ShowPage } from './render.ts'

type Dependencies = LogInDependencies & { limit: LimitByCaller; key: TokenKey; show: ShowPage }

export const signUpPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, config, key, limit, show } = dependencies
  const length = config.minPasswordLength

  const query = Type.Object({ next: Type.Optional(Type.String()) })
  app.get('/sign-up', { schema: { querystring: query } }, async (request, reply) => {
    const next = ownPath(request.query.next)
    if (request.visitor) return reply.redirect(next, 303)
    return show(reply, { name: 'sign-up', title: 'sign-up', focus: 'email', values: { email: '', next, length } })
  })

  const body = Type.Object({ email: Type.String(), password: Type.String(), next: Type.Optional(Type.String()) })
  app.post('/sign-up', { schema: { body }, preHandler: limit('sign-up') }, async (request, reply) => {
    const next = ownPath(request.body.next)
    const account = { email: request.body.email.trim(), password: request.body.password }
    try {
      await createAccount(db, config, account, clientOf(request))
    } catch (error) {
      const refusal = refusalOf(error, {
        EmailAlreadyExistsError: { field: 'email', sentence: 'page.sign-up.taken' },
      })
      return show(reply, { name: 'sign-up', title: 'sign-up', refusal, values: { email: account.email, next, length } })
    }
    if (config.requireVerifiedEmail)
      return show(reply, { name: 'sign-up-done', title: 'sign-up-done', values: account })
    const session = await openSession(dependencies, account, request, reply)
    letIn(reply, config, await signAccessToken(key, session))
    return reply.redirect(next, 303)
  })
}
