import { type Sql, sql } from '../database/database.ts'

/** Links are deleted 30 days after they expire. Until then, their page can explain why they no longer work. */
export function deleteOldLinks(limit: number): Sql {
  return sql`
    delete from links where token_hash in (
      select token_hash from links where expires_at < now() - interval '30 days' limit ${limit} for update skip locked)
    returning token_hash`
}
