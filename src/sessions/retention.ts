import { type Sql, sql } from '../database/database.ts'

/** Sessions are deleted 30 days after they ended or expired. */
export function deleteOldSessions(limit: number): Sql {
  return sql`
    delete from sessions where id in (
      select id from sessions
      where expires_at < now() - interval '30 days' or ended_at < now() - interval '30 days' limit ${limit} for update skip locked)
    returning id`
}

/** Known browsers are deleted 400 days after their last login: no browser keeps the cookie longer. */
export function deleteUnusedBrowsers(limit: number): Sql {
  return sql`
    delete from known_browsers where (account_id, token_hash) in (
      select account_id, token_hash from known_browsers where last_used_at < now() - interval '400 days' limit ${limit} for update skip locked)
    returning account_id`
}
