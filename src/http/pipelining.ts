import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply } from 'fastify'

const maxPendingRequests = 16

/** Runs at most 16 requests of one connection at a time. Add it before any hook that responds. */
export function limitPipelining(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    if (!exceedsPipelineLimit(reply)) done()
  })
}

const pendingRequests = new WeakMap<Socket, number>()

/**
 * Counts a request among its connection's pending ones, and ends the connection if there are too many: Node accepts all
 * that arrive, and would hold their responses in memory until the client reads them. Clients rarely send requests ahead
 * of responses, and then only a few (RFC 9112, 9.3.2).
 */
export function exceedsPipelineLimit(reply: FastifyReply): boolean {
  const { socket } = reply.request.raw
  const count = (pendingRequests.get(socket) ?? 0) + 1
  pendingRequests.set(socket, count)
  reply.raw.on('close', () => pendingRequests.set(socket, (pendingRequests.get(socket) ?? 0) - 1))
  if (count <= maxPendingRequests) return false
  reply.hijack()
  socket.destroy()
  return true
}
