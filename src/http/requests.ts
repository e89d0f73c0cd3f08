import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { AppError } from '../errors.ts'

/**
 * What Node would answer by itself, with a status and nothing else: a request that names no host gets an error like any
 * other (RFC 9112, 3.2), and an expectation that nobody knows is no obstacle (RFC 9110, 10.1.1).
 */
export function useNotFoundHandler(app: FastifyInstance): void {
  app.server.on('checkExpectation', (request, response) => void app.server.emit('request', request, response))
  app.addHook('onRequest', async ({ raw }) => {
    if (raw.headers.host === undefined && raw.httpVersion !== '1.0') {
      throw new AppError('SchemaValidationError', 'The request has no Host header.')
    }
  })
}

/** Runs no more than 16 requests of one connection at a time. It comes before what answers requests. */
export function limitPipelining(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    if (!exceedsPipelineLimit(reply)) done()
  })
}

const unanswered = new WeakMap<Socket, number>()

/**
 * Counts a request among those of its connection that have no answer yet, and ends the connection where it is one too
 * many: Node takes all that come in at once, and would keep their answers until somebody reads them. Clients that do not
 * wait for answers are rare, and send few requests ahead (RFC 9112, 9.3.2).
 */
export function exceedsPipelineLimit(reply: FastifyReply): boolean {
  const { socket } = reply.request.raw
  const count = (unanswered.get(socket) ?? 0) + 1
  unanswered.set(socket, count)
  reply.raw.on('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 0) - 1))
  if (count <= 16) return false
  reply.hijack()
  socket.destroy()
  return true
}

/** Takes JSON bodies only, in UTF-8, and takes a body of nothing for no body: many clients name a type all the same. */
export function useJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, content: Buffer, done) => {
    if (content.length === 0) return done(null, undefined)
    if (isUtf8(content)) return parse(request, content.toString('utf8'), done)
    return done(new AppError('SchemaValidationError', 'The body is not UTF-8.'), undefined)
  })
}

/**
 * Answers 404 where there is no such path, and 405 with `Allow` where there is but not with this method, before a body
 * is read. It learns the paths as they are registered, so it comes before them.
 */
export function useMethodCheck(app: FastifyInstance): void {
  // For files that are not there: their path is known, so the hook below lets it pass.
  app.setNotFoundHandler(() => {
    throw new AppError('NotFoundError')
  })
  const paths = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  app.addHook('onRoute', ({ url, method }) => {
    const known = paths.get(url) ?? { pattern: patternOf(url), methods: new Set() }
    for (const name of [method].flat()) known.methods.add(name)
    paths.set(url, known)
  })
  app.addHook('onRequest', (request, _reply, done) => done(request.is404 ? refusalOf(request.url) : undefined))

  function refusalOf(url: string): AppError {
    const path = url.split('?', 1)[0] ?? ''
    const known = [...paths.values()].filter(({ pattern }) => pattern.test(path))
    if (known.length === 0) return new AppError('NotFoundError')
    const allow = [...new Set(known.flatMap(({ methods }) => [...methods]))].join(', ')
    return new AppError('MethodNotAllowedError', `It takes ${allow}.`, { headers: { allow } })
  }
}

function patternOf(url: string): RegExp {
  const pattern = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:\w+/g, '[^/]+')
    .replaceAll('*', '.*')
  return new RegExp(`^${pattern}$`)
}
