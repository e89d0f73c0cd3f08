import { type Sql, sql } from '../database/database.ts'

/** Counts of rate limits go when they start again from zero. */
export function deleteLapsedCounts(limit: number): Sql {
  return sql`
    delete from rate_limits where key in (
      select key from rate_limits where expires_at < now() limit ${limit} for update skip locked)
    returning key`
}
