import { LRUCache } from 'lru-cache'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'

/** Throws `TooManyMoviesError` where an account has added as many movies as it may. */
export type CheckMovieQuota = (accountId: string) => Promise<void>

/**
 * Counting costs more with each movie that an account has, so it is not done with every one: after each count the account
 * may add a tenth of what it has left before the next. Several processes may so let a few movies too many through.
 */
export function movieQuota(db: Database, most: number): CheckMovieQuota {
  const room = new LRUCache<string, number>({ max: 10_000 })
  return async (accountId) => {
    const left = room.get(accountId) ?? Math.ceil((most - (await countOfMovies(db, accountId, most))) / 10)
    if (left <= 0) throw new AppError('TooManyMoviesError', `An account may add ${most} movies.`)
    if (left === 1) room.delete(accountId)
    else room.set(accountId, left - 1)
  }
}

async function countOfMovies(db: Database, accountId: string, most: number): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`
    select count(*)::int from (select from movies where added_by = ${accountId} limit ${most}) movies`)
  return row?.count ?? 0
}
