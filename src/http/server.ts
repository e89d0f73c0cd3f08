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

/** Limits on the connections of a process, in total and per remote IP address. */
const limits = {
  connections: 2000,
  connectionsPerAddress: 200,
  /** Requests that a client may send ahead on one connection. Few clients send any (RFC 9112, 9.3.2). */
  waitingRequests: 15,
  /** Bytes of responses that clients have not read yet, in total. */
  unreadBytes: 64_000_000,
}

/** In milliseconds. */
const options: ServerOptions = {
  headersTimeout: 20_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 72_000,
  // We check the header ourselves, so that the error has our usual format.
  requireHostHeader: false,
}
/** How long a connection may be idle. Waiting for the client to read a response counts as idle. */
const connectionTimeoutMs = 60_000

/**
 * Creates an HTTP server that handles the requests of a connection one at a time, and limits its connections and their
 * unread bytes. With `trustsProxy` there is no limit per IP address, because all connections come from the proxy.
 */
export function createHttpServer(
  handler: RequestListener,
  { trustsProxy, log }: { trustsProxy: boolean; log: Logger },
): Server {
  const server = createServer(options, answerInTurn(handler))
  server.setTimeout(connectionTimeoutMs)
  server.maxConnections = limits.connections
  server.on('drop', () =>
    log.warn({ event: 'connection-dropped' }, `Dropped a connection: more than ${limits.connections} are open`),
  )
  if (!trustsProxy) limitConnectionsPerAddress(server)
  limitUnreadBytes(server, log)
  return server
}

/**
 * Starts a request once the previous response on its connection is finished. Node would start all pipelined requests at
 * once, and keep all their responses in memory until the client reads them.
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

/** Checks four times a second. Above the limit, closes the connections with the most unread bytes. */
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
    log.warn(
      { event: 'unread-responses', bytes: unread },
      'Closing connections whose clients do not read their responses',
    )
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
 * Sends `Connection: close` while the server is shutting down. Fastify does so for new requests but not for running
 * ones, and a connection that stays open would delay the shutdown.
 */
export function closeConnectionsOnStop(app: FastifyInstance): void {
  let isStopping = false
  app.addHook('preClose', async () => {
    isStopping = true
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isStopping) reply.header('connection', 'close')
    done(null, payload)
  })
}
