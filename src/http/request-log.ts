import type { FastifyInstance } from 'fastify'

/** Logs one line per request. It names the route, not the requested path, which may contain a token. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request
    const ms = Math.round(reply.elapsedTime)
    request.log.info(
      { reqId: request.id, status: reply.statusCode, ms },
      `${method} ${routeOptions.url ?? '(unknown path)'}`,
    )
    done()
  })
}
