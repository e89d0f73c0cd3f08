import { type Sql, sql } from '../database/database.ts'

/** Deleted movies can be restored for a minute. */
export function deleteUnrestorableMovies(limit: number): Sql {
  return sql`
    delete from deleted_movies where id in (
      select id from deleted_movies where deleted_at < now() - interval '1 minute' limit ${limit} for update skip locked)
    returning id`
}
