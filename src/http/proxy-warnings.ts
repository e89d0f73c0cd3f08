import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../config/config.ts'

/** Logs, once for each, that requests arrive in a way that does not match the settings. */
export function warnAboutProxies(app: FastifyInstance, config: Pick<Config, 'publicUrl' | 'trustProxy'>): void {
  const warned = new Set<string>()
  const warn = (request: FastifyRequest, event: string, text: string) => {
    if (!warned.has(event)) request.log.warn({ event }, text)
    warned.add(event)
  }
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request
    if (config.trustProxy === false) {
      if (headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined) {
        warn(
          request,
          'proxy-not-trusted',
          'A request names its client in X-Forwarded-For, which is ignored, so all clients of the proxy share one rate limit: set TRUST_PROXY to the IP address of the proxy, or let it drop the header.',
        )
      }
    } else if (config.publicUrl.startsWith('https:') && headers['x-forwarded-proto'] === 'http') {
      warn(
        request,
        'plaintext-http',
        `The proxy passes on requests that reached it over plain http, although PUBLIC_URL is ${config.publicUrl}: let it redirect pages to https and refuse the API over http.`,
      )
    }
    done()
  })
}
