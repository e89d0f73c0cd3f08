import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AppError, ErrorCode } from '../errors.ts'
import { readIp } from './client.ts'

/** What was rejected, in the words that the log uses for it (`event`). They never change: alerts are built on them. */
export const rejections = [
  'login-failed',
  'password-confirmation-failed',
  'session-rejected',
  'link-rejected',
  'access-denied',
  'limit-reached',
  'cross-site-form-rejected',
] as const

export type Rejection = (typeof rejections)[number]

/** Lets functions that do not know the request log what it did. */
const currentRequest = new AsyncLocalStorage<FastifyRequest>()

export function useSecurityLog(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => currentRequest.run(request, done))
  // The end of the body arrives in a context of its own.
  app.addHook('preValidation', (request, _reply, done) => currentRequest.run(request, done))
}

/**
 * Logs what was done with an account, as one line with the account's id, the IP address, the route and the request's id,
 * and never with an email address, a password or a token. Logs nothing outside of a request.
 */
export function logAccountEvent(event: string, accountId: string): void {
  const request = currentRequest.getStore()
  request?.log.info({ event, accountId, ...describe(request) }, 'Account event')
}

/** Logs a rejected attempt. `accountId` is the account that it was aimed at, if there is one. */
export function logRejection(event: Rejection, accountId?: string): void {
  const request = currentRequest.getStore()
  if (request) logRejectionOf(request, event, accountId)
}

/** Logs a request's error if it is of interest to a security monitor. */
export function logRejectedRequest(error: AppError, request = currentRequest.getStore()): void {
  const event = rejectionByCode[error.code]
  if (event && request) logRejectionOf(request, event)
}

function logRejectionOf(request: FastifyRequest, event: Rejection, accountId = request.session?.accountId): void {
  request.log.warn({ event, ...(accountId && { accountId }), ...describe(request) }, 'Rejected')
}

// Wrong passwords and forms of other sites are logged where they are rejected: their codes are also used for other errors.
const rejectionByCode: Partial<Record<ErrorCode, Rejection>> = {
  InvalidSessionError: 'session-rejected',
  BadTokenError: 'link-rejected',
  ExpiredTokenError: 'link-rejected',
  UpdatingMovieError: 'access-denied',
  DeletingMovieError: 'access-denied',
  UnverifiedEmailError: 'access-denied',
  SignUpClosedError: 'access-denied',
  TooManyRequestsError: 'limit-reached',
  TooManyMoviesError: 'limit-reached',
}

function describe(request: FastifyRequest) {
  const route = `${request.method} ${request.routeOptions.url ?? '(unknown path)'}`
  return { ip: readIp(request), route, reqId: request.id }
}
