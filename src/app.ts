import { randomUUID } from 'node:crypto'
import cookies from '@fastify/cookie'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Logger } from 'pino'
import { changeEmailRoutes } from './account-settings/change-email.ts'
import { changeLanguageRoute } from './account-settings/change-language.ts'
import { changePasswordRoute } from './account-settings/change-password.ts'
import { deleteAccountRoute } from './account-settings/delete-account.ts'
import { exportAccountRoute } from './account-settings/export-account.ts'
import { historyRoute } from './account-settings/history.ts'
import { ownAccountRoute } from './account-settings/own-account.ts'
import type { Config } from './config/config.ts'
import type { Database } from './database/database.ts'
import { answerClientError, sendError, useErrorHandler } from './http/error-handler.ts'
import { healthRoutes } from './http/health.ts'
import { useOpenApi } from './http/openapi.ts'
import { limitByCaller } from './http/rate-limit.ts'
import {
  exceedsPipelineLimit,
  limitPipelining,
  useJsonBodies,
  useMethodCheck,
  useNotFoundHandler,
} from './http/requests.ts'
import { securityHeaders, useSecurityHeaders } from './http/security-headers.ts'
import { serializersOfSuccess } from './http/serialization.ts'
import { useStrictValidation } from './http/validation.ts'
import { revokeResetLinks as endResetLinks } from './links/reset-link.ts'
import { mailProblem } from './mail/health.ts'
import { addMovieRoute } from './movies/add-movie.ts'
import { changeMovieRoute } from './movies/change-movie.ts'
import { deleteMovieRoute } from './movies/delete-movie.ts'
import { listMoviesRoute } from './movies/list-movies.ts'
import { movieSchema } from './movies/movie.ts'
import { movieQuota } from './movies/quota.ts'
import { readMovieRoute } from './movies/read-movie.ts'
import { assetRoutes } from './pages/assets.ts'
import { openErrorPages } from './pages/error-page.ts'
import { pages } from './pages/pages.ts'
import { openPages } from './pages/render.ts'
import { failedLogins } from './passwords/wrong-attempts.ts'
import { forgotPasswordRoute } from './recovery/forgot-password.ts'
import { renewLinkRoute } from './recovery/renew-link.ts'
import { reportNotMeRoute } from './recovery/report-not-me.ts'
import { resetPasswordRoute } from './recovery/reset-password.ts'
import { undoEmailChangeRoute } from './recovery/undo-email-change.ts'
import type { TokenKey } from './sessions/access-token.ts'
import { sessionRoutes } from './sessions/list.ts'
import { logInRoute } from './sessions/log-in.ts'
import { logOutRoute } from './sessions/log-out.ts'
import { requireSession } from './sessions/session.ts'
import { signUpRoute } from './sign-up/sign-up.ts'
import { verifyEmailRoutes } from './sign-up/verify-email.ts'

type Dependencies = { config: Config; db: Database; key: TokenKey; log: Logger; version: string }

/** The HTTP app: what holds for every request, then every route by name. */
export async function buildApp({ config, db, key, log, version }: Dependencies): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = log
  const defaultHeaders = securityHeaders({ isHttps: config.publicUrl.startsWith('https:') })
  const show = openPages(config)
  const renderError = openErrorPages(show)
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
      void (exceedsPipelineLimit(reply) || sendError(error, request, reply.headers(defaultHeaders), renderError)),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, defaultHeaders),
  })
  limitPipelining(app)
  useSecurityHeaders(app, defaultHeaders)
  useErrorHandler(app, renderError)
  useNotFoundHandler(app)
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
  const checkMovieQuota = movieQuota(db, config.maxMovies)

  app.register(signUpRoute, { db, limit, config })
  app.register(logInRoute, { db, limit, config, key, failures })
  app.register(logOutRoute, { db, signedIn })
  app.register(sessionRoutes, { db, signedIn })
  app.register(ownAccountRoute, { db, signedIn })
  app.register(verifyEmailRoutes, { db, signedIn, limit })
  app.register(changePasswordRoute, { db, signedIn, limit, config, failures, endResetLinks })
  app.register(changeEmailRoutes, { db, signedIn, limit, failures, endResetLinks })
  app.register(changeLanguageRoute, { db, signedIn })
  app.register(historyRoute, { db, signedIn })
  app.register(exportAccountRoute, { db, signedIn, limit })
  app.register(deleteAccountRoute, { db, signedIn, limit, failures, endResetLinks })

  app.register(forgotPasswordRoute, { db, limit, config })
  app.register(resetPasswordRoute, { db, limit, config })
  app.register(renewLinkRoute, { db, limit })
  app.register(reportNotMeRoute, { db, limit })
  app.register(undoEmailChangeRoute, { db, limit })

  app.register(listMoviesRoute, { db })
  app.register(readMovieRoute, { db })
  app.register(addMovieRoute, { db, signedIn, checkMovieQuota })
  app.register(changeMovieRoute, { db, signedIn })
  app.register(deleteMovieRoute, { db, signedIn })
  app.register(healthRoutes, { db, mailTrouble: () => mailProblem(db) })
  app.register(assetRoutes)
  app.register(pages, { db, limit, config, key, failures, checkMovieQuota, show })
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
