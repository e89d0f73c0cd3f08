import { type Sql, sql } from '../database/database.ts'

/** The audit history is kept for a year. */
export function deleteOldEvents(limit: number): Sql {
  return sql`
    delete from audit_history where id in (
      select id from audit_history where at < now() - interval '1 year' limit ${limit} for update skip locked)
    returning id`
}

/** Email changes are deleted 30 days after they can no longer be undone. */
export function deleteOldEmailChanges(limit: number): Sql {
  return sql`
    delete from email_changes where id in (
      select id from email_changes where undo_until < now() - interval '30 days' limit ${limit} for update skip locked)
    returning id`
}
