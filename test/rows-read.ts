import { type Queryable, sql } from '../src/database/database.ts'
import type { MovieBag } from './movie-bag.ts'

/** Returns how many rows of a table, or entries of its indexes, PostgreSQL reads while the service does some work. */
export async function countRowsRead(bag: MovieBag, table: string, work: () => Promise<unknown>): Promise<number> {
  const before = await rowsRead(bag, table)
  await work()
  return (await rowsRead(bag, table)) - before
}

/** PostgreSQL publishes what a connection has read after a second, or when that connection asks for it. */
async function rowsRead({ db }: MovieBag, table: string): Promise<number> {
  // Run together, these take every connection of the pool and of the lanes.
  const publish = (on: Queryable) => on.query(sql`select pg_stat_force_next_flush(), pg_sleep(0.1)`)
  const pooled = Array.from({ length: 10 }, () => publish(db))
  const written = Array.from({ length: 4 }, () => publish(db.writes))
  await Promise.all([...pooled, ...written, publish(db.reads)])
  const [row] = await db.query<{ count: number }>(sql`
    select (seq_tup_read + coalesce(idx_tup_fetch, 0))::int + (
      select sum(idx_tup_read)::int from pg_stat_user_indexes where relname = ${table}) as count
    from pg_stat_user_tables where relname = ${table}`)
  return row?.count ?? Number.NaN
}
