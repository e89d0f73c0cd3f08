import { type Sql, sql } from '../database/database.ts'

/** Wrong passwords are forgotten a day after the last one. */
export function deleteOldFailures(limit: number): Sql {
  return sql`
    delete from wrong_passwords where (subject_hash, caller_hash) in (
      select subject_hash, caller_hash from wrong_passwords where last_at < now() - interval '1 day' limit ${limit} for update skip locked)
    returning subject_hash`
}
