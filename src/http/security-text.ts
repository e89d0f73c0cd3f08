import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../config/config.ts'

const halfYearMs = 182 * 86_400_000

/** `/.well-known/security.txt` (RFC 9116), which tells where to report vulnerabilities, if `SECURITY_CONTACT` is set. */
export const securityTextRoute: FastifyPluginAsync<Pick<Config, 'publicUrl' | 'securityContact'>> = async (
  app,
  { publicUrl, securityContact },
) => {
  if (!securityContact) return
  const path = '/.well-known/security.txt'
  app.get(path, { schema: { hide: true } }, (_request, reply) => {
    const fields = {
      Contact: securityContact,
      Expires: new Date(Date.now() + halfYearMs).toISOString(),
      Canonical: publicUrl + path,
    }
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
    return reply.type('text/plain; charset=utf-8').send(lines.join(''))
  })
}
