import { type Sql, sql } from '../database/database.ts'

/**
 * Mails are deleted 30 days after they were closed. Those without a recipient are deleted after 24 hours, because they
 * contain email addresses of people who have no account.
 */
export function deleteClosedMails(limit: number): Sql {
  return sql`
    delete from outbox where id in (
      select id from outbox
      where closed_at < now() - interval '30 days'
        or (closed_at < now() - interval '24 hours' and state = 'no recipient')
      limit ${limit})
    returning id`
}
