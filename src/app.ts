import { randomUUID } from 'node:crypto'
import cookies from '@fastify/cookie'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Logger } from 'pino'
import { changeAddress } from './account-settings/change-email.ts'
import { changeLanguage } from './account-settings/change-language.ts'
import { changePassword } from './account-settings/change-password.ts'
import { deleteAccount } from './account-settings/delete-account.ts'
import { exportAccount } from './account-settings/export-account.ts'
import { history } from './account-settings/history.ts'
import { ownAccount } from './account-settings/own-account.ts'
import type { Config } from './config/config.ts'
import type { Database } from './database/database.ts'
import { answerError, answerGarbage, useErrorHandler } from './http/error-handler.ts'
import { health } from './http/health.ts'
import { useOpenApi } from './http/openapi.ts'
import { limitByCaller } from './http/rate-limit.ts'
import { isOneTooMany, useFewAtOnce, useJsonBodies, useMethodCheck, useOwnAnswers } from './http/requests.ts'
import { securityHeaders, useSecurityHeaders } from './http/security-headers.ts'
import { serializersOfSuccess } from './http/serialization.ts'
import { useStrictValidation } from './http/validation.ts'
import { cancelResetLinks as endResetLinks } from './links/reset-link.ts'
import { mailTrouble } from './mail/health.ts'
import { addMovie } from './movies/add-movie.ts'
import { changeMovie } from './movies/change-movie.ts'
import { deleteMovie } from './movies/delete-movie.ts'
import { listMovies } from './movies/list-movies.ts'
import { movieSchema } from './movies/movie.ts'
import { movieRoom } from './movies/quota.ts'
import { readMovie } from './movies/read-movie.ts'
import { assets } from './pages/assets.ts'
import { errorsFor } from './pages/error-page.ts'
import { pages } from './pages/pages.ts'
import { openPages } from './pages/render.ts'
import { failedLogins } from './passwords/wrong-attempts.ts'
import { forgotPassword } from './recovery/forgot-password.ts'
import { renewLink } from './recovery/renew-link.ts'
import { notMe } from './recovery/report-not-me.ts'
import { resetPassword } from './recovery/reset-password.ts'
import { undoAddress } from './recovery/undo-email-change.ts'
import type { TokenKey } from './sessions/access-token.ts'
import { sessions } from './sessions/list.ts'
import { logIn } from './sessions/log-in.ts'
import { logOut } from './sessions/log-out.ts'
import { requireSession } from './sessions/session.ts'
import { signUp } from './sign-up/sign-up.ts'
import { verifyAddress } from './sign-up/verify-email.ts'

type Dependencies = { config: Config; db: Database; key: TokenKey; log: Logger; version: string }

/** The HTTP app: what holds for every request, then every route by name. */
export async function buildApp({ config, db, key, log, version }: Dependencies): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = log
  const onEveryAnswer = securityHeaders({ isHttps: config.publicUrl.startsWith('https:') })
  const show = openPages(config)
  const renderError = errorsFor(show)
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    // A logger for each request would cost more than naming the request in the few lines that are logged.
    childLoggerFactory: (logger) => logger,
    trustProxy: trusted(config.trustProxy),
    bodyLimit: 100_000,
    requestTimeout: 30_000,
    // Of silence, also where an answer waits to be read.
    connectionTimeout: 60_000,
    http: { headersTimeout: 20_000, connectionsCheckingInterval: 1000, requireHostHeader: false },
    schemaController: { compilersFactory: { buildSerializer: serializersOfSuccess } },
    routerOptions: { maxParamLength: 16_000 },
    return503OnClosing: false,
    // No hook runs for these.
    frameworkErrors: (error, request, reply) =>
      void (isOneTooMany(reply) || answerError(error, request, reply.headers(onEveryAnswer), renderError)),
    clientErrorHandler: (error, socket) => answerGarbage(error, socket, onEveryAnswer),
  })
  useFewAtOnce(app)
  useSecurityHeaders(app, onEveryAnswer)
  useErrorHandler(app, renderError)
  useOwnAnswers(app)
  useMethodCheck(app)
  useJsonBodies(app)
  app.register(cookies)
  useStrictValidation(app)
  if (log.isLevelEnabled('info')) logRequests(app)
  await useOpenApi(app, { publicUrl: config.publicUrl, version })
  app.addSchema(movieSchema)

  const limit = limitByCaller(db, { isOn: config.rateLimits })
  const signedIn = requireSession(app, db, key)

  const failures = failedLogins(db)
  const requireRoom = movieRoom(db, config.maxMovies)

  app.register(signUp, { db, limit, config })
  app.register(logIn, { db, limit, config, key, failures })
  app.register(logOut, { db, signedIn })
  app.register(sessions, { db, signedIn })
  app.register(ownAccount, { db, signedIn })
  app.register(verifyAddress, { db, signedIn, limit })
  app.register(changePassword, { db, signedIn, limit, config, failures, endResetLinks })
  app.register(changeAddress, { db, signedIn, limit, failures, endResetLinks })
  app.register(changeLanguage, { db, signedIn })
  app.register(history, { db, signedIn })
  app.register(exportAccount, { db, signedIn, limit })
  app.register(deleteAccount, { db, signedIn, limit, failures, endResetLinks })

  app.register(forgotPassword, { db, limit, config })
  app.register(resetPassword, { db, limit, config })
  app.register(renewLink, { db, limit })
  app.register(notMe, { db, limit })
  app.register(undoAddress, { db, limit })

  app.register(listMovies, { db })
  app.register(readMovie, { db })
  app.register(addMovie, { db, signedIn, requireRoom })
  app.register(changeMovie, { db, signedIn })
  app.register(deleteMovie, { db, signedIn })
  app.register(health, { db, mailTrouble: () => mailTrouble(db) })
  app.register(assets)
  app.register(pages, { db, limit, config, key, failures, requireRoom, show })
  await app.ready()
  return app
}

/** Who may say where a request really comes from: proxies by address, or the last so many before us. */
function trusted(proxies: Config['trustProxy']) {
  return typeof proxies === 'number' ? (_address: string, hop: number) => hop < proxies : proxies
}

/** One line a request. It names the route, not the path as it came: that may hold a token. */
function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request
    const ms = Math.round(reply.elapsedTime)
    request.log.info(
      { reqId: request.id, status: reply.statusCode, ms },
      `${method} ${routeOptions.url ?? '(no such path)'}`,
    )
    done()
  })
}
