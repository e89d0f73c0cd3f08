import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type ErrorCode, errorCodes, type FieldError, type Reason } from '../errors.ts'
import { visible } from './schemas.ts'
import { logRejectedRequest } from './security-log.ts'

type ShowErrorPage = (error: AppError, reply: FastifyReply) => unknown

/**
 * Creates the one handler that turns errors into responses: a page for a browser, JSON for programs and for the API.
 */
export function errorHandler({ showErrorPage }: { showErrorPage: ShowErrorPage }) {
  return (error: FastifyError | AppError, request: FastifyRequest, reply: FastifyReply): unknown => {
    const appError = error instanceof AppError ? error : fromFastify(error)
    if (appError.status >= 500) request.log.error({ err: error, reqId: request.id }, appError.detail ?? error.message)
    logRejectedRequest(appError, request)
    return wantsPage(request) ? showErrorPage(appError, reply) : sendJson(appError, reply)
  }
}

function wantsPage({ url, headers }: FastifyRequest): boolean {
  return /\btext\/html\b/.test(headers.accept ?? '') && !/^\/(api|health)\b/.test(url)
}

function sendJson(error: AppError, reply: FastifyReply): FastifyReply {
  return reply
    .code(error.status)
    .headers(error.headers)
    .type('application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(errorBody(error))
}

/** An error as JSON: `message` and `status`, on which clients rely, the members of RFC 9457, and `code`. */
export function errorBody(error: AppError) {
  const { status, message } = errorCodes[error.code]
  return {
    message,
    status,
    code: error.code,
    type: `urn:movie-bag:error:${error.code}`,
    title: message,
    ...(error.detail && { detail: error.detail }),
    ...(error.fields && { errors: error.fields }),
  }
}

function fromFastify(error: FastifyError): AppError {
  if (error.validation) return validationError(error.validationContext ?? 'body', error.validation)
  const code = codeForStatus(error.statusCode ?? 500)
  return new AppError(code, code === 'InternalServerError' ? undefined : error.message, { cause: error })
}

function codeForStatus(status: number): ErrorCode {
  // @fastify/static gives a 403 for a folder or a path outside the assets.
  if (status === 403 || status === 404) return 'NotFoundError'
  if (status === 413) return 'PayloadTooLargeError'
  if (status === 415) return 'UnsupportedMediaTypeError'
  return status >= 400 && status < 500 ? 'SchemaValidationError' : 'InternalServerError'
}

/** Returns the error for a request part that does not match its schema, listing each wrong field. */
export function validationError(part: string, problems: NonNullable<FastifyError['validation']>): AppError {
  const fields = new Map<string, FieldError>()
  for (const problem of problems.slice(0, 20)) {
    const { instancePath, params } = problem
    const parent = instancePath.slice(1).replaceAll('/', '.')
    const child = params['missingProperty'] ?? params['additionalProperty']
    const field = [parent, child].filter(Boolean).join('.') || part
    // The first problem is the most specific. Later ones only say that no other alternative matched.
    if (!fields.has(field)) fields.set(field, { field, ...explain(problem) })
  }
  const list = [...fields.values()]
  const detail = list.map((wrong) => `${wrong.field} ${wrong.detail}`).join('; ')
  return new AppError('SchemaValidationError', `${detail}.`, { fields: list })
}

type Problem = NonNullable<FastifyError['validation']>[number]

function explain({ keyword, params, message = 'is not valid' }: Problem): Omit<FieldError, 'field'> {
  const { limit, pattern } = params
  if (keyword === 'required') return { detail: 'is missing', reason: 'missing' }
  if (keyword === 'minLength' && limit === 1) return { detail: 'must not be empty', reason: 'too-short', min: 1 }
  if (pattern === visible) return { detail: 'must have a visible character', reason: 'too-short', min: 1 }
  if (keyword === 'pattern') return { detail: 'must not contain control characters', reason: 'not-storable' }
  const reason = reasonsByKeyword[keyword] ?? 'invalid'
  if (typeof limit !== 'number') return { detail: message, reason }
  return { detail: message, reason, [keyword.startsWith('min') ? 'min' : 'max']: limit }
}

const reasonsByKeyword: Record<string, Reason> = {
  additionalProperties: 'unknown',
  type: 'wrong-type',
  enum: 'not-among',
  const: 'not-among',
  minLength: 'too-short',
  maxLength: 'too-long',
  minItems: 'too-few',
  maxItems: 'too-many',
  minProperties: 'too-few',
  minimum: 'too-small',
  maximum: 'too-large',
}
