import { type Queryable, sql } from '../database/database.ts'

/** Whether an address without an account may be told so once more; remembers that it was. At most once a day. */
export async function mayTellUnknownAddress(db: Queryable, canonical: string): Promise<boolean> {
  const rows = await db.query(sql`
    insert into unknown_address_mails (email_canonical) values (${canonical})
    on conflict (email_canonical) do update set sent_at = now()
    where unknown_address_mails.sent_at < now() - interval '24 hours'
    returning email_canonical`)
  return rows.length > 0
}
