import bowser from 'bowser'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import Negotiator from 'negotiator'
import type { Device } from '../i18n/format.ts'
import { languages } from '../i18n/languages.ts'

/** The client that sent a request: its approximate device, and the language it prefers, if we support it. */
export type Client = { device: Device; locale: string | undefined }

export function readClient(request: FastifyRequest): Client {
  return { device: readDevice(request), locale: requestedLocale(request) }
}

export function readDevice({ headers }: Pick<FastifyRequest, 'headers'>): Device {
  const userAgent = headers['user-agent']?.slice(0, 500)
  if (!userAgent) return {}
  const { browser, os } = bowser.parse(userAgent)
  return {
    ...(browser.name && browserNames.has(browser.name) && { browser: browser.name }),
    ...(os.name && systemNames.has(os.name) && { system: os.name }),
  }
}

// The device is quoted in mails to the owner, where an invented name such as "www.example.com" would become a link.
const browserNames = new Set(Object.values(bowser.BROWSER_MAP))
const systemNames = new Set(Object.values(bowser.OS_MAP))

/** Returns the client's IP address, or '' if a proxy names another text instead (`X-Forwarded-For: unknown`). */
export function readIp({ ip }: Pick<FastifyRequest, 'ip'>): string {
  const withoutZone = parseIp(ip)?.toString().replace(/%.*/, '')
  return withoutZone ?? ''
}

/** Parses an IP address, to which some proxies add a port. IPv4 addresses mapped to IPv6 become IPv4. */
export function parseIp(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const ip = text.replace(/^\[([^\]]*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')
  return ipaddr.isValid(ip) ? ipaddr.process(ip) : undefined
}

/** Returns our best match for `Accept-Language` (RFC 9110, 12.5.4), or undefined: `es-MX` gets Spanish. */
export function requestedLocale({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  // Programs send `*` by default, so it expresses no preference. Parsing a very long list would only cost time.
  const named = headers['accept-language']?.slice(0, 500).replace(/(^|,)\s*\*[^,]*/g, '')
  return named ? new Negotiator({ headers: { 'accept-language': named } }).language(languages) : undefined
}
