import bowser from 'bowser'
import type { FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { languages } from '../i18n/languages.ts'

/** Where a request comes from: roughly which device, and the language it asks for, if we have it. */
export type Client = { device: string; locale: string | undefined }

export function readClient(request: FastifyRequest): Client {
  return { device: describeDevice(request), locale: requestedLocale(request) }
}

/** Returns roughly which device sent a request, such as "Firefox on Windows", or '' if the request does not say. */
export function describeDevice({ headers }: Pick<FastifyRequest, 'headers'>): string {
  const userAgent = headers['user-agent']?.slice(0, 500)
  if (!userAgent) return ''
  const { browser, os } = bowser.parse(userAgent)
  return [browser.name, os.name].filter((name) => name && knownNames.has(name)).join(' on ')
}

// The device is quoted in mails to the owner, where an invented name such as "www.example.com" would become a link.
const knownNames = new Set([...Object.values(bowser.BROWSER_MAP), ...Object.values(bowser.OS_MAP)])

/** Returns our best match for `Accept-Language` (RFC 9110, 12.5.4), or undefined: `es-MX` gets Spanish. */
export function requestedLocale({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  // Programs send `*` by default, so it expresses no preference. Parsing a very long list would only cost time.
  const named = headers['accept-language']?.slice(0, 500).replace(/(^|,)\s*\*[^,]*/g, '')
  return named ? new Negotiator({ headers: { 'accept-language': named } }).language(languages) : undefined
}
