import { type Queryable, sql } from '../database/database.ts'

type Telling = { canonical: string; mailId: string; onceInHours: number }

/**
 * Whether a mail may tell an address that no account has what it has to know; remembers that it does. Only one may in so
 * many hours, which stays allowed when it has to be tried again.
 */
export async function mayTellAddress(db: Queryable, { canonical, mailId, onceInHours }: Telling): Promise<boolean> {
  const rows = await db.query(sql`
    insert into unknown_address_mails as told (email_canonical, mail_id) values (${canonical}, ${mailId})
    on conflict (email_canonical) do update set sent_at = now(), mail_id = ${mailId}
    where told.sent_at < now() - ${onceInHours} * interval '1 hour' or told.mail_id = ${mailId}
    returning email_canonical`)
  return rows.length > 0
}
