import type { FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { languages } from '../i18n/languages.ts'
import { describeDevice } from './device.ts'

/** Who sends a request: roughly what device, and the language it asks for, where that is one of ours. */
export type Client = { device: string; locale: string | undefined }

export function clientOf(request: FastifyRequest): Client {
  return { device: describeDevice(request), locale: requestedLocale(request) }
}

/** By `Accept-Language` (RFC 9110, 12.5.4): `es-MX` is answered in Spanish. */
export function requestedLocale({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  // Programs send `*` unasked: that any language will do names none. A longer list would only cost time.
  const named = headers['accept-language']?.slice(0, 500).replace(/(^|,)\s*\*[^,]*/g, '')
  return named ? new Negotiator({ headers: { 'accept-language': named } }).language(languages) : undefined
}
