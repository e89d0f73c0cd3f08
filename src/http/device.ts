import bowser from 'bowser'
import type { FastifyRequest } from 'fastify'

/** Roughly the device that a request comes from, such as "Firefox on Windows"; empty where it does not say. */
export function deviceOf(request: FastifyRequest): string {
  const userAgent = request.headers['user-agent']?.slice(0, 500)
  if (!userAgent) return ''
  const { browser, os } = bowser.parse(userAgent)
  const known = [browser.name, os.name].filter((name) => name && /^[\w .-]{1,40}$/.test(name))
  return known.join(' on ')
}
