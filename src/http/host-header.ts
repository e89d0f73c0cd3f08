import type { FastifyInstance } from 'fastify'
import { AppError } from '../errors.ts'

/**
 * Refuses a request without a Host header (RFC 9112, 3.2), and ignores an unknown `Expect` (RFC 9110, 10.1.1). Left to
 * itself, Node responds to both with a bare status.
 */
export function requireHostHeader(app: FastifyInstance): void {
  app.server.on('checkExpectation', (request, response) => void app.server.emit('request', request, response))
  // Asynchronous, so that Node may find the rest of the request malformed before a route answers it.
  app.addHook('onRequest', async ({ raw }) => {
    if (raw.headers.host === undefined && raw.httpVersion !== '1.0') {
      throw new AppError('SchemaValidationError', 'The request has no Host header.')
    }
  })
}
