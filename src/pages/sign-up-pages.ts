import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config/config.ts'
import { readClient, readDevice } from '../http/client.ts'
import { setKnownBrowserCookie, setSessionCookie } from '../http/cookies.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import type { PasswordRule } from '../passwords/rule.ts'
import { signAccessToken, type TokenKey } from '../sessions/access-token.ts'
import { type LogInDependencies, logInNewAccount, readLogInOrigin } from '../sessions/log-in.ts'
import { logOut } from '../sessions/log-out.ts'
import { signUp } from '../sign-up/sign-up.ts'
import { formErrorsFrom } from './form-errors.ts'
import { localPath } from './local-path.ts'
import type { ShowPage } from './render.ts'

type Dependencies = LogInDependencies & {
  rule: PasswordRule
  config: Pick<Config, 'production' | 'minPasswordLength' | 'signUp'>
  limit: LimitByCaller
  key: TokenKey
  show: ShowPage
}

export const signUpPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, rule, config, key, limit, show } = dependencies
  const length = config.minPasswordLength
  const isClosed = config.signUp === 'closed'
  const closedPage = { name: 'sign-up-closed', title: 'sign-up-closed' } as const

  const query = strictObject({ next: Type.Optional(Type.String()) })
  app.get('/sign-up', { schema: { querystring: query } }, async (request, reply) => {
    const next = localPath(request.query.next)
    if (request.session) return reply.redirect(next, 303)
    if (isClosed) return show(reply, { ...closedPage, values: { next } })
    return show(reply, { name: 'sign-up', title: 'sign-up', focus: 'email', values: { email: '', next, length } })
  })

  const body = strictObject({ email: Type.String(), password: Type.String(), next: Type.Optional(Type.String()) })
  app.post('/sign-up', { schema: { body }, preHandler: limit('sign-up') }, async (request, reply) => {
    const next = localPath(request.body.next)
    if (isClosed) return show(reply, { ...closedPage, status: 403, values: { next } })
    const email = request.body.email.trim()
    try {
      const account = await signUp(
        { db, rule, config },
        { email, password: request.body.password },
        readClient(request),
      )
      if (config.requireVerifiedEmail) {
        return await show(reply, { name: 'sign-up-done', title: 'sign-up-done', values: { email } })
      }
      const origin = readLogInOrigin(request, config)
      const { session, newBrowserToken } = await logInNewAccount({ db, config }, account, origin)
      if (request.session) await logOut(db, request.session, readDevice(request))
      if (newBrowserToken) setKnownBrowserCookie(reply, newBrowserToken, config)
      setSessionCookie(reply, await signAccessToken(key, session), config)
      return await reply.redirect(next, 303)
    } catch (error) {
      const formErrors = formErrorsFrom(error, {
        EmailAlreadyExistsError: { field: 'email', key: 'page.sign-up.taken' },
      })
      return show(reply, { name: 'sign-up', title: 'sign-up', formErrors, values: { email, next, length } })
    }
  })
}
