import { type Sql, sql } from '../database/database.ts'

/**
 * Mails go 30 days after they were closed. Those without a recipient go after 24 hours: they hold email addresses of
 * people who have no account.
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
