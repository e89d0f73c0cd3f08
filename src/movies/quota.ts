import { LRUCache } from 'lru-cache'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'

/** Throws `TooManyMoviesError` if an account has used up its quota. */
export type CheckMovieQuota = (accountId: string) => Promise<void>

/**
 * Counts rarely, because counting gets slower with the number of movies: after each count, the account may add a tenth
 * of its remaining quota before the next. With several processes, an account may therefore slightly exceed its quota.
 */
export function movieQuota(db: Database, quota: number): CheckMovieQuota {
  const allowances = new LRUCache<string, number>({ max: 10_000 })
  return async (accountId) => {
    const allowance = allowances.get(accountId) ?? Math.ceil((quota - (await countMovies(db, accountId, quota))) / 10)
    if (allowance <= 0) throw new AppError('TooManyMoviesError', `An account can have at most ${quota} movies.`)
    if (allowance === 1) allowances.delete(accountId)
    else allowances.set(accountId, allowance - 1)
  }
}

async function countMovies(db: Database, accountId: string, limit: number): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`
    select count(*)::int from (select from movies where added_by = ${accountId} limit ${limit}) movies`)
  return row?.count ?? 0
}
