import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { rateLimitKey } from './rate-limit.ts'

/** How much of the process the connections may take, together and for one remote IP address. */
const limits = {
  connections: 2000,
  connectionsPerAddress: 200,
  /** Requests that a client may send ahead on one connection. Few clients send any (RFC 9112, 9.3.2). */
  waitingRequests: 15,
  /** Of responses that are written and that nobody reads. */
  unreadBytes: 64_000_000,
}

/** In milliseconds. */
const options: ServerOptions = {
  headersTimeout: 20_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 72_000,
  // A request without one gets an error like any other, which Node's own is not.
  requireHostHeader: false,
}
/** Of silence, which includes a response that waits to be read. */
const connectionTimeoutMs = 60_000

/**
 * An HTTP server that answers the requests of a connection one after another, and that bounds its connections and what
 * they leave unread. `trustsProxy` lifts the bound for one IP address, because then it is the proxy's.
 */
export function createHttpServer(
  handler: RequestListener,
  { trustsProxy, log }: { trustsProxy: boolean; log: Logger },
): Server {
  const server = createServer(options, answerInTurn(handler))
  server.setTimeout(connectionTimeoutMs)
  server.maxConnections = limits.connections
  server.on('drop', () => log.warn({ event: 'connection-dropped' }, `More than ${limits.connections} connections`))
  if (!trustsProxy) limitConnectionsPerAddress(server)
  limitUnreadBytes(server, log)
  return server
}

/**
 * Starts a request once the response before it on the same connection has left. Node starts all that arrive in one
 * packet at once, and would keep all their responses in memory until the client reads them.
 */
function answerInTurn(handler: RequestListener): RequestListener {
  const queues = new WeakMap<Socket, [IncomingMessage, ServerResponse][]>()

  function start(request: IncomingMessage, response: ServerResponse): void {
    response.once('close', () => startNext(request.socket))
    handler(request, response)
  }

  function startNext(socket: Socket): void {
    const next = socket.destroyed ? undefined : queues.get(socket)?.shift()
    if (next) start(...next)
    else queues.delete(socket)
  }

  return (request, response) => {
    const queue = queues.get(request.socket)
    if (!queue) {
      queues.set(request.socket, [])
      start(request, response)
    } else if (queue.length < limits.waitingRequests) queue.push([request, response])
    else request.socket.destroy()
  }
}

function limitConnectionsPerAddress(server: Server): void {
  const counts = new Map<string, number>()
  server.on('connection', (socket) => {
    const key = rateLimitKey(socket.remoteAddress ?? '')
    const count = (counts.get(key) ?? 0) + 1
    if (count > limits.connectionsPerAddress) return void socket.destroy()
    counts.set(key, count)
    socket.once('close', () => {
      const left = (counts.get(key) ?? 1) - 1
      if (left > 0) counts.set(key, left)
      else counts.delete(key)
    })
  })
}

/** Four times a second: above the bound, the connections with the most unread bytes are closed. */
function limitUnreadBytes(server: Server, log: Logger): void {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const timer = setInterval(() => {
    let unread = 0
    for (const socket of sockets) unread += socket.writableLength
    if (unread <= limits.unreadBytes) return
    log.warn({ event: 'unread-responses', bytes: unread }, 'Closing connections whose responses nobody reads')
    for (const socket of [...sockets].sort((a, b) => b.writableLength - a.writableLength)) {
      unread -= socket.writableLength
      socket.destroy()
      if (unread <= limits.unreadBytes / 2) break
    }
  }, 250)
  timer.unref()
  server.once('close', () => clearInterval(timer))
}

/**
 * Asks clients to let go of their connections once the server is closing. Fastify does so for new requests, but not for
 * those that were running, and a connection that stays open would delay the stop.
 */
export function closeConnectionsOnStop(app: FastifyInstance): void {
  let isStopping = false
  app.addHook('preClose', async () => {
    isStopping = true
  })
  app.addHook('onSend', async (_request, reply) => {
    if (isStopping) reply.header('connection', 'close')
  })
}
