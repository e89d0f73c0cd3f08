import type { preHandlerAsyncHookHandler } from 'fastify'
import ipaddr from 'ipaddr.js'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { parseIp } from './client.ts'
import { counter } from './counter.ts'

/** How many requests of each costly kind (mail, hashing, export) a caller may make. */
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
 * Makes the hook that counts requests by caller, in the database and so for all processes together. Every response says
 * what is left in the RateLimit fields (draft-ietf-httpapi-ratelimit-headers). Beyond the limit the hook throws
 * `TooManyRequestsError` with `Retry-After` in seconds.
 */
export function limitByCaller(db: Database, options: { isOn: boolean }): LimitByCaller {
  return (kind) => {
    if (!options.isOn) return async () => {}
    const { points, seconds } = limits[kind]
    const count = counter(db.writes, { name: kind, points, seconds, cachesRefusals: true })
    return async (request, reply) => {
      const { isAllowed, remainingPoints, msBeforeNext } = await count(rateLimitKey(request.ip))
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
 * Returns the caller's IPv4 address, or the /64 network of their IPv6 address, which providers assign to one customer.
 * Callers for whom a proxy gives no IP address all share one key.
 */
export function rateLimitKey(caller: string): string {
  const ip = parseIp(caller)
  if (!ip) return 'unknown'
  if (ip instanceof ipaddr.IPv4) return ip.toString()
  const network = ip.parts.slice(0, 4).map((part) => part.toString(16))
  return `${network.join(':')}::/64`
}
