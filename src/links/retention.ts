import { type Sql, sql } from '../database/database.ts'

/** Links go 30 days after their expiry, so that their page can explain until then why they do not work. */
export function deleteOldLinks(limit: number): Sql {
  return sql`
    delete from links where token_hash in (
      select token_hash from links where expires_at < now() - interval '30 days' limit ${limit})
    returning token_hash`
}
