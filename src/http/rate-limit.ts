import type { FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import ipaddr from 'ipaddr.js'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { counter } from './counter.ts'

/** How many requests one caller may make of each kind. They mail, hash or tell all there is: they cost more than they look. */
export const limits = {
  'sign-up': { points: 60, seconds: 3600 },
  'log-in': { points: 120, seconds: 600 },
  'forgot-password': { points: 60, seconds: 600 },
  'reset-password': { points: 120, seconds: 600 },
  'account-change': { points: 60, seconds: 3600 },
  'verify-mail': { points: 5, seconds: 3600 },
  link: { points: 120, seconds: 600 },
  export: { points: 30, seconds: 3600 },
}

export type LimitByCaller = (kind: keyof typeof limits) => preHandlerAsyncHookHandler

/**
 * Makes the hook that counts requests by caller, in the database, so that all processes count together. Every answer
 * tells what is left in the RateLimit fields (draft-ietf-httpapi-ratelimit-headers); beyond the limit it throws
 * `TooManyRequestsError` with `Retry-After` in seconds.
 */
export function limitByCaller(db: Database, options: { isOn: boolean }): LimitByCaller {
  return (kind) => {
    if (!options.isOn) return async () => {}
    const { points, seconds } = limits[kind]
    const count = counter(db, { name: kind, points, seconds, cachesRefusals: true })
    return async (request, reply) => {
      const { isAllowed, remainingPoints, msBeforeNext } = await count(rateLimitKey(request))
      const wait = Math.ceil(msBeforeNext / 1000)
      reply.header('ratelimit-policy', `"${kind}";q=${points};w=${seconds}`)
      reply.header('ratelimit', `"${kind}";r=${remainingPoints};t=${wait}`)
      if (isAllowed) return
      throw new AppError('TooManyRequestsError', `Try again in ${wait} seconds.`, {
        headers: { 'retry-after': String(wait) },
      })
    }
  }
}

/**
 * One IPv4 address, or the /64 that a provider hands to one customer of IPv6. Some proxies name the caller with a port,
 * or as nothing that is an address: those count as one.
 */
function rateLimitKey(request: FastifyRequest): string {
  const ip = request.ip.replace(/^\[([^\]]*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')
  if (!ipaddr.isValid(ip)) return 'unknown'
  const address = ipaddr.process(ip)
  if (address instanceof ipaddr.IPv6)
    return `${address.parts
      .slice(0, 4)
      .map((part) => part.toString(16))
      .join(':')}::/64`
  return address.toString()
}
