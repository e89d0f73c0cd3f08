import { LRUCache } from 'lru-cache'
import { type Queryable, sql } from '../database/database.ts'

/** Adds to the count of a key, one by default. `msBeforeNext` is the time until the count resets. */
export type Count = (
  key: string,
  points?: number,
) => Promise<{ isAllowed: boolean; remainingPoints: number; msBeforeNext: number }>

type Limit = {
  name: string
  points: number
  seconds: number
  /** Whether a key over its limit is refused from memory, without a query. */
  cachesRefusals: boolean
  /** Whether counts survive a crash of the database. Otherwise those of the last second may be lost, which is faster. */
  isDurable?: boolean
}

/**
 * Creates a function that allows `points` events per key in `seconds`. It counts in the database: without races, across
 * all processes, and by one clock.
 */
export function counter(db: Queryable, { name, points, seconds, cachesRefusals, isDurable = false }: Limit): Count {
  // Bounded, so a flood of callers cannot fill memory.
  const refusals = cachesRefusals ? new LRUCache<string, true>({ max: 10_000 }) : undefined
  return async (key, added = 1) => {
    const wait = refusals?.getRemainingTTL(key) ?? 0
    if (wait > 0) return { isAllowed: false, remainingPoints: 0, msBeforeNext: wait }
    const { counted, msBeforeNext } = await increment(db, hashKey(name, key), { added, seconds, isDurable })
    const isAllowed = counted <= points
    if (!isAllowed) refusals?.set(key, true, { ttl: Math.ceil(msBeforeNext) })
    return { isAllowed, remainingPoints: Math.max(0, points - counted), msBeforeNext }
  }
}

function hashKey(name: string, key: string): string {
  return `${name}:${key}`
}

type Increment = { added: number; seconds: number; isDurable: boolean }

async function increment(db: Queryable, key: string, { added, seconds, isDurable }: Increment) {
  // The time left is clamped, in case the clock was set back.
  const [row] = await db.query<{ counted: number; msBeforeNext: number }>(sql`
    with setting as (
      select set_config('synchronous_commit',
        case when ${isDurable} then current_setting('synchronous_commit') else 'off' end, true))
    insert into rate_limits as known (key, points, expires_at)
    select ${key}, ${added}::int, now() + ${seconds} * interval '1 second' from setting
    on conflict (key) do update
    set points = case when known.expires_at <= now() then excluded.points else known.points + excluded.points end,
      expires_at = case when known.expires_at <= now() then excluded.expires_at
        else least(known.expires_at, excluded.expires_at) end
    returning points as counted, extract(epoch from expires_at - now())::float8 * 1000 as "msBeforeNext"`)
  if (!row) throw new Error('The upsert returned no row.')
  return row
}
