import { Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

/**
 * Stops listening, then lets every request finish. The next response on a kept-alive connection closes it. Idle
 * connections are cut after a second, because until then a request may be on its way.
 */
export async function closeHttp(app: FastifyInstance): Promise<void> {
  app.server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  // `http.Server.close` would cut idle connections immediately.
  Server.prototype.close.call(app.server)
  await waitForConnections(app, { timeoutMs: 1000 })
  await app.close()
}

async function waitForConnections(app: FastifyInstance, { timeoutMs }: { timeoutMs: number }): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    if ((await countConnections(app)) === 0) return
    await sleep(50)
  }
}

function countConnections(app: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}
