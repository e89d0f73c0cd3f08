import { Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

/**
 * Stops to listen, then lets every request finish. Connections that clients keep open are told to close with their next
 * answer; idle ones are cut after a second, for until then a request may be on its way.
 */
export async function closeHttp(app: FastifyInstance): Promise<void> {
  app.server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  // `http.Server.close` would cut idle connections at once.
  Server.prototype.close.call(app.server)
  for (let waited = 0; waited < 1000 && (await connections(app)) > 0; waited += 50) await sleep(50)
  await app.close()
}

function connections(app: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}
