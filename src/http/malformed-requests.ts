import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { AppError } from '../errors.ts'
import { errorBody } from './error-handler.ts'

/**
 * Responds to bytes that are not HTTP, which no route or error handler sees, with our usual JSON error. The connection
 * is closed a second later, even if the client keeps its side open (RFC 9112, 9.6).
 */
export function respondToMalformed(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  headers: Record<string, string>,
): void {
  // Bytes after the first malformed ones raise the error again.
  if (!socket.writable) return
  socket.end(rawResponse(error, headers))
  setTimeout(() => socket.destroy(), 1000).unref()
}

function rawResponse(error: NodeJS.ErrnoException, headers: Record<string, string>): string {
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ''] ?? 400
  const detail = `${STATUS_CODES[status]}: the request could not be read as HTTP/1.1.`
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
