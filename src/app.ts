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
import { successSerializers, useStrictValidation } from './http/compilers.ts'
import { errorHandler } from './http/error-handler.ts'
import { limitRunningRequests } from './http/fair-share.ts'
import { healthRoutes } from './http/health.ts'
import { requireHostHeader } from './http/host-header.ts'
import { acceptOnlyJson } from './http/json-bodies.ts'
import { respondToMalformed } from './http/malformed-requests.ts'
import { refuseUnknownPaths } from './http/method-not-allowed.ts'
import { warnAboutProxies } from './http/proxy-warnings.ts'
import { limitByCaller } from './http/rate-limit.ts'
import { logRequests } from './http/request-log.ts'
import { errorSchema } from './http/schemas.ts'
import { securityHeaders, useSecurityHeaders } from './http/security-headers.ts'
import { useSecurityLog } from './http/security-log.ts'
import { securityTextRoute } from './http/security-text.ts'
import { closeConnectionsOnStop, createHttpServer } from './http/server.ts'
import { findMailProblem } from './mail/health.ts'
import { addMovieRoute } from './movies/add-movie.ts'
import { changeMovieRoute } from './movies/change-movie.ts'
import { deleteMovieRoute } from './movies/delete-movie.ts'
import { listMoviesRoute } from './movies/list-movies.ts'
import { movieSchema } from './movies/movie.ts'
import { movieQuota } from './movies/quota.ts'
import { readMovieRoute } from './movies/read-movie.ts'
import { assetRoutes } from './pages/assets.ts'
import { showErrorPage } from './pages/error-page.ts'
import { pages } from './pages/pages.ts'
import { openPages, type ShowPage } from './pages/render.ts'
import { passwordRule } from './passwords/rule.ts'
import { forgotPasswordRoutes } from './recovery/forgot-password.ts'
import { reportNotMeRoute } from './recovery/report-not-me.ts'
import { resetPasswordRoute } from './recovery/reset-password.ts'
import { undoEmailChangeRoute } from './recovery/undo-email-change.ts'
import type { TokenKey } from './sessions/access-token.ts'
import { sessionRoutes } from './sessions/list.ts'
import { logInRoute } from './sessions/log-in.ts'
import { logOutRoute } from './sessions/log-out.ts'
import { requireSession, sessionFromBearer } from './sessions/require-session.ts'
import { signUpRoute } from './sign-up/sign-up.ts'
import { verifyEmailRoutes } from './sign-up/verify-email.ts'

type Dependencies = { config: Config; db: Database; key: TokenKey; log: Logger; version: string }

/** The HTTP app. `addRoutes` lists every route plugin. */
export async function buildApp({ config, db, key, log, version }: Dependencies): Promise<FastifyInstance> {
  const show = openPages(config)
  const app = createServer(config, log, show)
  if (log.isLevelEnabled('info')) logRequests(app)
  warnAboutProxies(app, config)
  app.addSchema(errorSchema)
  if (config.apiReference) {
    // Imported only if needed, because loading it takes time.
    const { useOpenApi } = await import('./http/openapi.ts')
    await useOpenApi(app, { publicUrl: config.publicUrl, version })
  }
  addRoutes(app, { config, db, key, show })
  await app.ready()
  return app
}

function createServer(config: Config, log: Logger, show: ShowPage): FastifyInstance {
  const headers = securityHeaders(config)
  const handleError = errorHandler({ showErrorPage: (error, reply) => showErrorPage(show, error, reply) })
  const loggerInstance: FastifyBaseLogger = log
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    // A child logger per request would cost more than adding the request's id to the few lines that are logged.
    childLoggerFactory: (logger) => logger,
    trustProxy: trustedProxies(config.trustProxy),
    bodyLimit: 100_000,
    serverFactory: (handler) => createHttpServer(handler, { trustsProxy: config.trustProxy !== false, log }),
    schemaController: { compilersFactory: { buildSerializer: successSerializers } },
    routerOptions: { maxParamLength: 16_000 },
    return503OnClosing: false,
    // Fastify runs no hooks for these errors, so the headers are added here.
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply.headers(headers)),
    clientErrorHandler: (error, socket) => respondToMalformed(error, socket, headers),
  })
  app.setErrorHandler(handleError)
  addHooks(app, { headers, isFair: config.rateLimits })
  return app
}

/** Adds everything that applies to every request, in the order in which it runs. */
function addHooks(
  app: FastifyInstance,
  { headers, isFair }: { headers: Record<string, string>; isFair: boolean },
): void {
  useSecurityHeaders(app, headers)
  useSecurityLog(app)
  closeConnectionsOnStop(app)
  if (isFair) limitRunningRequests(app)
  requireHostHeader(app)
  refuseUnknownPaths(app)
  acceptOnlyJson(app)
  app.register(cookies)
  app.decorateRequest('session', null)
  useStrictValidation(app)
}

type RouteDependencies = { config: Config; db: Database; key: TokenKey; show: ShowPage }

function addRoutes(app: FastifyInstance, { config, db, key, show }: RouteDependencies): void {
  app.addSchema(movieSchema)
  const limit = limitByCaller(db, { isOn: config.rateLimits })
  const signedIn = [sessionFromBearer(db, key, config), requireSession]

  const quota = movieQuota(db, config)
  const rule = passwordRule(config, { log: app.log })

  app.register(signUpRoute, { db, limit, rule, config })
  app.register(logInRoute, { db, limit, config, key })
  app.register(logOutRoute, { db, signedIn })
  app.register(sessionRoutes, { db, signedIn, config })
  app.register(ownAccountRoute, { db, signedIn })
  app.register(verifyEmailRoutes, { db, signedIn, limit })
  app.register(changePasswordRoute, { db, signedIn, limit, rule })
  app.register(changeEmailRoutes, { db, config, signedIn, limit })
  app.register(changeLanguageRoute, { db, signedIn })
  app.register(historyRoute, { db, signedIn })
  app.register(exportAccountRoute, { db, signedIn, limit })
  app.register(deleteAccountRoute, { db, signedIn, limit })

  app.register(forgotPasswordRoutes, { db, limit, config })
  app.register(resetPasswordRoute, { db, limit, rule })
  app.register(reportNotMeRoute, { db, limit })
  app.register(undoEmailChangeRoute, { db, limit })

  app.register(listMoviesRoute, { db })
  app.register(readMovieRoute, { db })
  app.register(addMovieRoute, { db, signedIn, quota })
  app.register(changeMovieRoute, { db, signedIn, quota })
  app.register(deleteMovieRoute, { db, signedIn })
  app.register(securityTextRoute, config)
  app.register(healthRoutes, { db, findMailProblem: () => findMailProblem(db) })
  app.register(assetRoutes)
  app.register(pages, { db, limit, config, key, quota, rule, show })
}

/** Returns which proxies may set the client's IP address: those named, or the given number of hops before us. */
function trustedProxies(proxies: Config['trustProxy']) {
  return typeof proxies === 'number' ? (_ip: string, hop: number) => hop < proxies : proxies
}
