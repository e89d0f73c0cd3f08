import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import { signAccessToken, type TokenKey } from '../sessions/access-token.ts'
import { setSessionCookie } from '../sessions/cookie.ts'
import { type LogInDependencies, logIn } from '../sessions/log-in.ts'
import { signUp } from '../sign-up/sign-up.ts'
import { formErrorsFrom } from './form-errors.ts'
import { localPath } from './local-path.ts'
import type { ShowPage } from './render.ts'

type Dependencies = LogInDependencies & { limit: LimitByCaller; key: TokenKey; show: ShowPage }

export const signUpPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, config, key, limit, show } = dependencies
  const length = config.minPasswordLength

  const query = strictObject({ next: Type.Optional(Type.String()) })
  app.get('/sign-up', { schema: { querystring: query } }, async (request, reply) => {
    const next = localPath(request.query.next)
    if (request.visitor) return reply.redirect(next, 303)
    return show(reply, { name: 'sign-up', title: 'sign-up', focus: 'email', values: { email: '', next, length } })
  })

  const body = strictObject({ email: Type.String(), password: Type.String(), next: Type.Optional(Type.String()) })
  app.post('/sign-up', { schema: { body }, preHandler: limit('sign-up') }, async (request, reply) => {
    const next = localPath(request.body.next)
    const account = { email: request.body.email.trim(), password: request.body.password }
    try {
      await signUp(db, config, account, readClient(request))
    } catch (error) {
      const formErrors = formErrorsFrom(error, {
        EmailAlreadyExistsError: { field: 'email', sentence: 'page.sign-up.taken' },
      })
      return show(reply, {
        name: 'sign-up',
        title: 'sign-up',
        formErrors,
        values: { email: account.email, next, length },
      })
    }
    if (config.requireVerifiedEmail)
      return show(reply, { name: 'sign-up-done', title: 'sign-up-done', values: account })
    const session = await logIn(dependencies, account, request, reply)
    setSessionCookie(reply, config, await signAccessToken(key, session))
    return reply.redirect(next, 303)
  })
}
