import compress from '@fastify/compress'
import formbody from '@fastify/formbody'
import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import type { MovieQuota } from '../movies/quota.ts'
import type { PasswordRule } from '../passwords/rule.ts'
import type { TokenKey } from '../sessions/access-token.ts'
import { sessionFromCookie } from '../sessions/require-session.ts'
import { accountPages } from './account-pages.ts'
import { compression } from './assets.ts'
import { changeEmailPage } from './change-email-page.ts'
import { changePasswordPage } from './change-password-page.ts'
import { rejectCrossSite } from './csrf.ts'
import { deleteAccountPage } from './delete-account-page.ts'
import { forgotPages } from './forgot-pages.ts'
import { linkPages } from './link-pages.ts'
import { logInPages } from './log-in-pages.ts'
import { mailPreviews } from './mail-previews.ts'
import { movieFormPages } from './movie-form-page.ts'
import { moviePages } from './movie-page.ts'
import { moviesPage } from './movies-page.ts'
import type { ShowPage } from './render.ts'
import { resetPages } from './reset-pages.ts'
import { signUpPages } from './sign-up-pages.ts'

type Dependencies = {
  db: Database
  limit: LimitByCaller
  config: Config
  key: TokenKey
  quota: MovieQuota
  rule: PasswordRule
  show: ShowPage
}

/** The web pages. They call the same functions as the API, and show its errors in HTML. */
export const pages: FastifyPluginAsync<Dependencies> = async (app, dependencies) => {
  app.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true }
  })
  app.addHook('onRequest', rejectCrossSite(dependencies.config))
  app.addHook('onRequest', sessionFromCookie(dependencies.db, dependencies.key, dependencies.config))
  await app.register(formbody)
  // https://w3c.github.io/webappsec-change-password-url/: where password managers send users to change their password.
  app.get('/.well-known/change-password', (request, reply) => {
    return reply.redirect(request.session ? '/account/password' : '/forgot')
  })
  app.register(signUpPages, dependencies)
  app.register(logInPages, dependencies)
  app.register(accountPages, dependencies)
  app.register(changePasswordPage, dependencies)
  app.register(changeEmailPage, dependencies)
  app.register(deleteAccountPage, dependencies)
  app.register(forgotPages, dependencies)
  app.register(linkPages, dependencies)
  app.register(resetPages, dependencies)
  app.register(collection, dependencies)
  if (!dependencies.config.production) app.register(mailPreviews, dependencies)
}

const collection: FastifyPluginAsync<Dependencies> = async (app, dependencies) => {
  await app.register(compress, compression)
  app.register(moviesPage, { ...dependencies, site: dependencies.config })
  app.register(moviePages, dependencies)
  app.register(movieFormPages, dependencies)
}
