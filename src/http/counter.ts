import { LRUCache } from 'lru-cache'
import { type Database, sql } from '../database/database.ts'

/** Counts one event of a key. `msBeforeNext` is how long until the count begins anew. */
export type Count = (key: string) => Promise<{ isAllowed: boolean; remainingPoints: number; msBeforeNext: number }>

type Limit = {
  name: string
  points: number
  seconds: number
  /** Whether a key beyond its limit is refused from memory, also where its count is taken back meanwhile. */
  cachesRefusals: boolean
}

/**
 * Counts in the database, without races and for all processes together, up to so many points in so many seconds. Its
 * clock is the one that counts: those of the processes may differ.
 */
export function counter(db: Database, { name, points, seconds, cachesRefusals }: Limit): Count {
  // A crowd that is refused is no reason to keep more of them than fit.
  const refusals = new LRUCache<string, true>({ max: 10_000 })
  return async (key) => {
    const wait = refusals.getRemainingTTL(key)
    if (wait > 0) return { isAllowed: false, remainingPoints: 0, msBeforeNext: wait }
    const { counted, msBeforeNext } = await countOne(db, hashKey(name, key), seconds)
    const isAllowed = counted <= points
    if (cachesRefusals && !isAllowed) refusals.set(key, true, { ttl: Math.ceil(msBeforeNext) })
    return { isAllowed, remainingPoints: Math.max(0, points - counted), msBeforeNext }
  }
}

/** Takes one event back, as if it had not been counted. */
export async function decrement(db: Database, name: string, key: string): Promise<void> {
  await db.query(sql`update rate_limits set points = points - 1 where key = ${hashKey(name, key)} and points > 0`)
}

export function hashKey(name: string, key: string): string {
  return `${name}:${key}`
}

async function countOne(db: Database, key: string, seconds: number) {
  // A count never lasts longer than its time from now, also where the clock was set back since it began. It does not wait
  // for the disk: a crash of the database may forget the events of its last second.
  const [row] = await db.query<{ counted: number; msBeforeNext: number }>(sql`
    insert into rate_limits as known (key, points, expires_at)
    select ${key}, 1, now() + ${seconds} * interval '1 second' from set_config('synchronous_commit', 'off', true)
    on conflict (key) do update
    set points = case when known.expires_at <= now() then 1 else known.points + 1 end,
      expires_at = case when known.expires_at <= now() then excluded.expires_at
        else least(known.expires_at, excluded.expires_at) end
    returning points as counted, extract(epoch from expires_at - now())::float8 * 1000 as "msBeforeNext"`)
  if (!row) throw new Error('An upsert answered no row.')
  return row
}
