import assert from 'node:assert/strict'
import { type Database, sql } from '../src/database/database.ts'

/** Sets every counter of a kind, such as 'failed-logins', as if this much had been counted. Returns how many there are. */
export async function setCounters({ db }: { db: Database }, kind: string, points: number): Promise<number> {
  const rows = await db.query(sql`
    update rate_limits set points = ${points} where starts_with(key, ${`${kind}:`}) returning key`)
  assert.notEqual(rows.length, 0, `nothing counts ${kind}`)
  return rows.length
}
