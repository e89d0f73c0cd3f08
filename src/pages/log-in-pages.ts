import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { readDevice } from '../http/client.ts'
import { clearSessionCookie, setKnownBrowserCookie, setSessionCookie } from '../http/cookies.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import { signAccessToken, type TokenKey } from '../sessions/access-token.ts'
import { type LogInDependencies, logIn, readLogInOrigin } from '../sessions/log-in.ts'
import { logOut } from '../sessions/log-out.ts'
import { formErrorsFrom } from './form-errors.ts'
import { localPath } from './local-path.ts'
import type { ShowPage } from './render.ts'

type Dependencies = LogInDependencies & { limit: LimitByCaller; key: TokenKey; show: ShowPage }

export const logInPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, config, key, limit, show } = dependencies

  const query = strictObject({ next: Type.Optional(Type.String()) })
  app.get('/log-in', { schema: { querystring: query } }, async (request, reply) => {
    const next = localPath(request.query.next)
    if (request.session) return reply.redirect(next, 303)
    return show(reply, { name: 'log-in', title: 'log-in', focus: 'email', values: { email: '', next } })
  })

  const body = strictObject({ email: Type.String(), password: Type.String(), next: Type.Optional(Type.String()) })
  app.post('/log-in', { schema: { body }, preHandler: limit('log-in') }, async (request, reply) => {
    const next = localPath(request.body.next)
    const email = request.body.email.trim()
    try {
      const credentials = { email, password: request.body.password }
      const { session, newBrowserToken } = await logIn(dependencies, credentials, readLogInOrigin(request, config))
      if (request.session) await logOut(db, request.session, readDevice(request))
      if (newBrowserToken) setKnownBrowserCookie(reply, newBrowserToken, config)
      setSessionCookie(reply, await signAccessToken(key, session), config)
      return await reply.redirect(next, 303)
    } catch (error) {
      const formErrors = formErrorsFrom(error, {
        UnauthorizedError: { field: 'password', key: 'page.log-in.wrong' },
        TooManyRequestsError: { field: 'password' },
        UnverifiedEmailError: { field: 'email', key: 'page.log-in.unverified' },
      })
      return show(reply, { name: 'log-in', title: 'log-in', formErrors, values: { email, next } })
    }
  })

  app.post('/log-out', async (request, reply) => {
    if (request.session) await logOut(db, request.session, readDevice(request))
    clearSessionCookie(reply, config)
    return reply.redirect('/', 303)
  })
}
