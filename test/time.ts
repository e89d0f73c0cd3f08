import { type Database, join, raw, sql } from '../src/database/database.ts'

type WithDatabase = { db: Database }
type LinkEnd = 'expired' | 'spent' | 'replaced' | 'revoked'

/**
 * Lets time pass by an interval such as '25 hours': every point in time in the database moves that far into the past, so
 * links and sessions expire, cool-downs end and retried mails fall due. With an account, only its rows move. A negative
 * interval is a clock that was set back.
 */
export async function passTime({ db }: WithDatabase, interval: string, account?: { id: string }): Promise<void> {
  const tables = tablesByDatabase.get(db) ?? (await tablesWithTimes(db))
  tablesByDatabase.set(db, tables)
  for (const { table, columns, owner } of tables) {
    if (account && !owner) continue
    const changes = columns.map((column) => sql`${raw(column)} = ${raw(column)} - ${interval}::interval`)
    const rows = account && owner ? sql`${raw(owner)} = ${account.id}` : sql`true`
    await db.query(sql`update ${raw(table)} set ${join(changes)} where ${rows}`)
  }
}

/** Lets every link of an account expire, and nothing else. */
export async function expireLinks({ db }: WithDatabase, account: { id: string }): Promise<void> {
  await db.query(sql`update links set expires_at = now() where account_id = ${account.id}`)
}

/** Ends every link of the account with an email address in one of the ways in which links end. */
export async function endLinks({ db }: WithDatabase, email: string, how: LinkEnd): Promise<void> {
  const end = how === 'expired' ? sql`expires_at = now()` : sql`ended_at = now(), ended_as = ${how}`
  await db.query(sql`update links set ${end} where account_id = (select id from accounts where email = ${email})`)
}

/** Moves the closed mails of an account, all or those of a kind, into the past, and nothing else. */
export async function ageMails(
  { db }: WithDatabase,
  interval: string,
  { id, kind }: { id: string; kind?: string },
): Promise<void> {
  await db.query(sql`
    update outbox set created_at = created_at - ${interval}::interval, closed_at = closed_at - ${interval}::interval
    where account_id = ${id} and closed_at is not null and kind = coalesce(${kind ?? null}, kind)`)
}

/** Ends the hour without reset mails that follows "this wasn't me". */
export async function endQuietHour({ db }: WithDatabase, account: { id: string }): Promise<void> {
  await db.query(sql`update accounts set reset_quiet_until = null where id = ${account.id}`)
}

/** Keeps the deferred mails of an account from being retried for half an hour. Returns whether there are any. */
export async function postponeRetries({ db }: WithDatabase, account: { id: string }): Promise<boolean> {
  const rows = await db.query(sql`
    update outbox set due_at = now() + interval '30 minutes'
    where account_id = ${account.id} and state = 'deferred' and leased_until is null
    returning id`)
  return rows.length > 0
}

/** Lets the deferred mails of an account be retried at the next opportunity. */
export async function makeRetriesDue({ db }: WithDatabase, account: { id: string }): Promise<void> {
  await db.query(sql`update outbox set due_at = now() where account_id = ${account.id} and state = 'deferred'`)
}

/** Lets the leases of mails in hand run out, as if the clock had jumped ahead. */
export async function expireLeases({ db }: WithDatabase): Promise<void> {
  await db.query(sql`
    update outbox set leased_until = now() - interval '1 hour' where leased_until > now() and not in_grace_period`)
}

/** Leases the mails of a kind to a worker that does not exist, such as one that was killed. */
export async function leaseMails({ db }: WithDatabase, kind: string): Promise<void> {
  await db.query(sql`
    update outbox set leased_until = now() + interval '15 seconds', lease_id = gen_random_uuid() where kind = ${kind}`)
}

/** Whether a mail is leased: safely, or in the grace period of a lease that seems to have run out. */
export async function hasLease({ db }: WithDatabase, { inGracePeriod }: { inGracePeriod: boolean }): Promise<boolean> {
  const rows = await db.query(sql`
    select id from outbox where leased_until > now() and in_grace_period = ${inGracePeriod}`)
  return rows.length > 0
}

/** Returns how long the mails that are not closed stay leased at most. */
export async function secondsUntilLeasesEnd({ db }: WithDatabase): Promise<number> {
  const [row] = await db.query<{ seconds: number }>(sql`
    select max(extract(epoch from leased_until - now()))::float8 as seconds from outbox where closed_at is null`)
  return row?.seconds ?? Number.NaN
}

type Times = { table: string; columns: string[]; owner: string | null }

/** Looking them up takes longer than moving them. */
const tablesByDatabase = new WeakMap<Database, Times[]>()

function tablesWithTimes(db: Database): Promise<Times[]> {
  return db.query<Times>(sql`
    select table_name as table,
      array_agg(column_name::text) filter (where data_type = 'timestamp with time zone') as columns,
      case when table_name = 'accounts' then 'id' else max(column_name) filter (where column_name = 'account_id') end as owner
    from information_schema.columns
    where table_schema = 'public' and table_name <> 'migrations'
    group by table_name
    having bool_or(data_type = 'timestamp with time zone')`)
}
