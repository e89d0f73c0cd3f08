import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type ErrorCode, errorCodes, type FieldError, type Reason } from '../errors.ts'

/** What an error looks like to its caller: the members of the original API, those of RFC 9457, and `code`. */
function errorBody(error: AppError) {
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

type Render = (error: AppError, request: FastifyRequest, reply: FastifyReply) => unknown

/** The one place where errors become responses. `render` lets pages answer in HTML. */
export function useErrorHandler(app: FastifyInstance, render: Render = sendJson): void {
  app.setErrorHandler<FastifyError | AppError>((error, request, reply) => sendError(error, request, reply, render))
}

export function sendError(
  error: FastifyError | AppError,
  request: FastifyRequest,
  reply: FastifyReply,
  render: Render = sendJson,
): unknown {
  const appError = error instanceof AppError ? error : fromFastify(error)
  if (appError.status >= 500) request.log.error({ err: error, reqId: request.id }, appError.detail ?? error.message)
  return render(appError, request, reply)
}

export function sendJson(error: AppError, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(error.status)
    .headers(error.headers)
    .type('application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(errorBody(error))
}

/**
 * Bytes that are no HTTP at all never reach a route; the answer has the shape of every other error. Who sent them has a
 * second to read it before the connection is closed, whether or not they close their half (RFC 9112, 9.6).
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex, headers: Record<string, string>): void {
  // What comes after garbage is garbage again, and is answered already.
  if (!socket.writable) return
  socket.end(answerToGarbage(error, headers))
  setTimeout(() => socket.destroy(), 1000).unref()
}

function answerToGarbage(error: NodeJS.ErrnoException, headers: Record<string, string>): string {
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ''] ?? 400
  const detail = `${STATUS_CODES[status]}: the request is not HTTP/1.1 that this service understands.`
  const content = JSON.stringify({ ...errorBody(new AppError('SchemaValidationError', detail)), status })
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(content)}`,
    'connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    content,
  ].join('\r\n')
}

function fromFastify(error: FastifyError): AppError {
  if (error.validation) {
    const part = error.validationContext ?? 'body'
    return validationError(part, error.validation)
  }
  const code = codeOf(error)
  return new AppError(code, code === 'InternalServerError' ? undefined : error.message, { cause: error })
}

function codeOf({ statusCode = 500 }: FastifyError): ErrorCode {
  // Of files: a folder, or a path that leads out of ours.
  if (statusCode === 403 || statusCode === 404) return 'NotFoundError'
  if (statusCode === 413) return 'PayloadTooLargeError'
  if (statusCode === 415) return 'UnsupportedMediaTypeError'
  return statusCode >= 400 && statusCode < 500 ? 'SchemaValidationError' : 'InternalServerError'
}

/** What a schema found wrong, by field. */
export function validationError(part: string, problems: NonNullable<FastifyError['validation']>): AppError {
  const fields = new Map<string, FieldError>()
  for (const { instancePath, keyword, params, message } of problems.slice(0, 20)) {
    const parent = instancePath.slice(1).replaceAll('/', '.')
    const child = params['missingProperty'] ?? params['additionalProperty']
    const field = [parent, child].filter(Boolean).join('.') || part
    // The first says it best: what follows is that no alternative was met.
    if (!fields.has(field)) fields.set(field, { field, ...keywordError(keyword, params['limit'], message) })
  }
  const list = [...fields.values()]
  const detail = list.map((wrong) => `${wrong.field} ${wrong.detail}`).join('; ')
  return new AppError('SchemaValidationError', `${detail}.`, { fields: list })
}

function keywordError(keyword: string, limit: unknown, message = 'is not valid'): Omit<FieldError, 'field'> {
  if (keyword === 'required') return { detail: 'is missing', reason: 'missing' }
  if (keyword === 'additionalProperties') return { detail: 'is not a field of this request', reason: 'unknown' }
  if (keyword === 'pattern') return { detail: 'has characters that cannot be stored', reason: 'not-storable' }
  const reason = reasonsByKeyword[keyword] ?? 'invalid'
  if (typeof limit !== 'number') return { detail: message, reason }
  return { detail: message, reason, [keyword.startsWith('min') ? 'min' : 'max']: limit }
}

const reasonsByKeyword: Record<string, Reason> = {
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
