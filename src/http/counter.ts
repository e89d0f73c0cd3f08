import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import type { Database } from '../database/database.ts'

/** Counts one event of a key. `msBeforeNext` is how long until the count begins anew. */
export type Count = (key: string) => Promise<{ isAllowed: boolean; remainingPoints: number; msBeforeNext: number }>

type Limit = {
  name: string
  points: number
  seconds: number
  /** Whether a key beyond its limit is refused from memory, also where its count is taken back meanwhile. */
  remembersRefusals: boolean
}

/** Counts in the database, without races and for all processes together, up to so many points in so many seconds. */
export function counter(db: Database, { name, points, seconds, remembersRefusals }: Limit): Count {
  const limiter = new RateLimiterPostgres({
    storeClient: { query: db.queryConfig },
    storeType: 'pool',
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix: name,
    points,
    duration: seconds,
    ...(remembersRefusals && { inMemoryBlockOnConsumed: points + 1 }),
  })
  return async (key) => {
    try {
      const { remainingPoints, msBeforeNext } = await limiter.consume(key)
      return { isAllowed: true, remainingPoints, msBeforeNext }
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal
      return { isAllowed: false, remainingPoints: 0, msBeforeNext: refusal.msBeforeNext }
    }
  }
}
