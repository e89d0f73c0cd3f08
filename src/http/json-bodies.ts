import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { AppError } from '../errors.ts'

/**
 * Accepts only JSON bodies in UTF-8. An empty body counts as no body, because many clients send a Content-Type without
 * one.
 */
export function acceptOnlyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, content: Buffer, done) => {
    if (content.length === 0) return done(null, undefined)
    if (isUtf8(content)) return parse(request, content.toString('utf8'), done)
    return done(new AppError('SchemaValidationError', 'The body is not valid UTF-8.'), undefined)
  })
}
