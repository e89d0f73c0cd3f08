import { type Sql, sql } from '../database/database.ts'

/**
 * Mails are deleted 30 days after they were closed. Those that belong to no account are deleted after 24 hours, because
 * they contain email addresses of people who may have none.
 */
export function deleteClosedMails(limit: number): Sql {
  return sql`
    delete from outbox where id in (
      select id from outbox
      where closed_at < now() - interval '30 days'
        or (closed_at < now() - interval '24 hours' and account_id is null)
      limit ${limit} for update skip locked)
    returning id`
}
