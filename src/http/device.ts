import bowser from 'bowser'
import type { FastifyRequest } from 'fastify'

/** Roughly the device that a request comes from, such as "Firefox on Windows"; empty where it does not say. */
export function describeDevice(request: FastifyRequest): string {
  const userAgent = request.headers['user-agent']?.slice(0, 500)
  if (!userAgent) return ''
  const { browser, os } = bowser.parse(userAgent)
  return [browser.name, os.name].filter((name) => name && names.has(name)).join(' on ')
}

// What a stranger calls the browser stands in a mail to the owner, where "www.example.com" would become a link.
const names = new Set([...Object.values(bowser.BROWSER_MAP), ...Object.values(bowser.OS_MAP)])
