import { LRUCache } from 'lru-cache'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { counter } from '../http/counter.ts'
import { rateLimitKey } from '../http/rate-limit.ts'

/** Who adds or changes a movie: an account, from an IP address. */
export type Author = { accountId: string; ip: string }

/**
 * Limits what can be stored, by account and by client, in movies and in bytes on disk. `findRefusal` returns the error if
 * nothing more may be stored, and `charge` counts what was.
 */
export type MovieQuota = {
  findRefusal: (author: Author) => Promise<AppError | undefined>
  charge: (author: Author, stored: Stored) => Promise<void>
}

/** `bytes` are those on disk. */
type Stored = { movies: number; bytes: number }

type Limits = { maxMovies: number; maxStorageBytes: number; rateLimits: boolean }

/** In millions of bytes that one client may store in a day, with however many accounts. */
const clientQuota = { points: 500, seconds: 86_400 }

const million = 1_000_000

/**
 * An account's movies are counted rarely, because that gets slower with their number: after each count, the account may use
 * up a tenth of what is left before the next. So it may exceed its quota by what is stored at the same time, and by that
 * tenth if there are several processes. What a client stores is counted whenever a process has seen a million bytes of it.
 */
export function movieQuota(db: Database, { maxMovies, maxStorageBytes, rateLimits }: Limits): MovieQuota {
  /** What each account may store before its movies are counted again. */
  const allowances = new LRUCache<string, Stored>({ max: 10_000 })
  const counts = new Map<string, Promise<Stored>>()
  const uncounted = new LRUCache<string, number>({ max: 10_000 })
  const refused = new LRUCache<string, true>({ max: 10_000 })
  const count = counter(db.writes, { name: 'storage', ...clientQuota, cachesRefusals: false })

  async function findRefusal({ accountId, ip }: Author): Promise<AppError | undefined> {
    const wait = Math.ceil(refused.getRemainingTTL(rateLimitKey(ip)) / 1000)
    if (wait > 0) return tooMuchFromClient(wait)
    let allowance = allowances.get(accountId)
    if (!allowance || isSpent(allowance)) allowance = await countOnce(accountId)
    if (allowance.movies <= 0) {
      return new AppError('TooManyMoviesError', `An account can have at most ${maxMovies} movies.`)
    }
    if (allowance.bytes > 0) return undefined
    const megabytes = Math.round(maxStorageBytes / million)
    return new AppError('TooManyMoviesError', `The movies of an account can take at most ${megabytes} MB on disk.`)
  }

  /** Requests that arrive during a count share it, and so its allowance. */
  function countOnce(accountId: string): Promise<Stored> {
    const running = counts.get(accountId)
    if (running) return running
    const counting = readAllowance(db, accountId, { maxMovies, maxStorageBytes })
      .then((allowance) => {
        allowances.set(accountId, allowance)
        return allowance
      })
      .finally(() => counts.delete(accountId))
    counts.set(accountId, counting)
    return counting
  }

  async function charge({ accountId, ip }: Author, { movies, bytes }: Stored): Promise<void> {
    const allowance = allowances.get(accountId)
    if (allowance) {
      allowance.movies -= movies
      allowance.bytes -= bytes
    }
    if (rateLimits) await chargeClient(rateLimitKey(ip), bytes)
  }

  async function chargeClient(key: string, bytes: number): Promise<void> {
    const total = (uncounted.get(key) ?? 0) + bytes
    uncounted.set(key, total % million)
    if (total < million) return
    const { isAllowed, msBeforeNext } = await count(key, Math.floor(total / million))
    if (!isAllowed) refused.set(key, true, { ttl: Math.ceil(msBeforeNext) })
  }

  return { findRefusal, charge }
}

function isSpent({ movies, bytes }: Stored): boolean {
  return movies <= 0 || bytes <= 0
}

async function readAllowance(db: Database, accountId: string, limits: Omit<Limits, 'rateLimits'>): Promise<Stored> {
  const { maxMovies, maxStorageBytes } = limits
  const [used] = await db.query<Stored>(sql`
    select count(*) filter (where not is_deleted)::int as movies, coalesce(sum(stored_bytes), 0)::float8 as bytes
    from (
      (select stored_bytes, false as is_deleted from movies where added_by = ${accountId} limit ${maxMovies})
      union all
      select stored_bytes, true from deleted_movies where added_by = ${accountId}
    ) stored`)
  const { movies, bytes } = used ?? { movies: 0, bytes: 0 }
  return { movies: Math.ceil((maxMovies - movies) / 10), bytes: (maxStorageBytes - bytes) / 10 }
}

function tooMuchFromClient(seconds: number): AppError {
  const detail = `Too much was stored from your network today. Try again in ${seconds} seconds.`
  return new AppError('TooManyRequestsError', detail, { headers: { 'retry-after': String(seconds) } })
}
