import { createHash } from 'node:crypto'
import { findAccount } from '../accounts/account.ts'
import { type Database, join, type Queryable, raw, type Sql, sql, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { rateLimitKey } from '../http/rate-limit.ts'

// Wrong passwords slow down the next attempt, in steps short enough for the owner to wait out (NIST SP 800-63B-4,
// 3.2.2). They are counted for each caller, and for all callers of an email address together. Addresses without an
// account are counted as well, so that throttling reveals nothing. A known browser of the owner is only throttled by
// its own failures.

/** After this many failures in a row, how many seconds the next attempt has to wait. */
type Step = { failures: number; seconds: number }

// Logins in flight count as failures until they succeed, so a program may make nine at a time.
const stepsOfCaller: Step[] = [
  { failures: 10, seconds: 5 },
  { failures: 15, seconds: 60 },
  { failures: 20, seconds: 600 },
  { failures: 30, seconds: 3600 },
]

const stepsOfAllCallers: Step[] = [
  { failures: 50, seconds: 60 },
  { failures: 75, seconds: 600 },
  { failures: 100, seconds: 3600 },
]

/** Where failures are counted. `caller` is empty for all callers together. Both are hashed before they are stored. */
type Counter = { subject: string; caller: string; steps: Step[] }

/** The counters of logins with an email address, from a caller or from a browser that its account knows. */
export function logInCounters(email: string, caller: { ip: string } | { browser: Buffer }): Counter[] {
  if ('browser' in caller) {
    return [{ subject: email, caller: caller.browser.toString('base64url'), steps: stepsOfCaller }]
  }
  return [
    { subject: email, caller: rateLimitKey(caller.ip), steps: stepsOfCaller },
    { subject: email, caller: '', steps: stepsOfAllCallers },
  ]
}

/** The counter of confirming the password within a session. A stolen session does not slow down the owner's. */
export function confirmationCounters(sessionId: string): Counter[] {
  return [{ subject: `session ${sessionId}`, caller: '', steps: stepsOfCaller }]
}

/** Passed to an attempt: whether its failure would start a longer delay, of a minute or more. */
export type AttemptState = { failureSlowsDown: boolean }

/**
 * Makes an attempt, counted beforehand as a failure so that concurrent attempts cannot exceed the limit. Throws
 * `TooManyRequestsError` with `Retry-After` if the attempt comes too early. An attempt that ends without a verdict,
 * because the service is busy or the database is unavailable, does not count. After a success, the attempt itself must
 * clear the failures.
 */
export async function throttle<Result>(
  db: Database,
  counters: Counter[],
  attempt: (state: AttemptState) => Promise<Result>,
): Promise<Result> {
  const counted: Counter[] = []
  let failureSlowsDown = false
  try {
    const rows = await count(db, counters)
    for (const [index, counter] of counters.entries()) {
      const failures = countedFailures(counter, rows[index])
      counted.push(counter)
      failureSlowsDown ||= counter.steps.some((step) => step.failures === failures && step.seconds >= 60)
    }
    return await attempt({ failureSlowsDown })
  } catch (error) {
    // If the database is unavailable this fails too, and leaves one failure too many until the next success.
    if (!isVerdict(error)) for (const counter of counted) await uncount(db, counter).catch(() => {})
    throw error
  }
}

function isVerdict(error: unknown): boolean {
  return error instanceof AppError && error.status < 500 && error.code !== 'TooManyRequestsError'
}

type Row = { failures: number; secondsSinceLast: number; isAllowed: boolean }

/** Counts a failure on each counter, unless one before it does not allow the attempt. Returns a row for each it counted. */
function count(db: Database, counters: Counter[]): Promise<Row[]> {
  const upserts = counters.map((counter, index) => {
    const isAllowed = index === 0 ? sql`true` : sql`(select "isAllowed" from ${nameOf(index - 1)})`
    return sql`${nameOf(index)} as (${upsert(counter, isAllowed)})`
  })
  const rows = counters.map((_, index) => sql`select ${index}::int as index, * from ${nameOf(index)}`)
  // The commit does not wait for the disk: losing the last second's failures in a crash is fine.
  return db.writes.query<Row>(sql`
    with setting as (select set_config('synchronous_commit', 'off', true)), ${join(upserts)}
    select failures, "secondsSinceLast", "isAllowed" from (${join(rows, ' union all ')}) as counted order by index`)
}

function nameOf(index: number): Sql {
  return raw(`counter_${index}`)
}

/** A time in the future, from before the clock was set back, is clamped. */
function upsert({ subject, caller, steps }: Counter, isWanted: Sql): Sql {
  const failures = steps.map((step) => step.failures)
  const seconds = steps.map((step) => step.seconds)
  const wait = sql`(
    select coalesce(max(step.seconds), 0) * interval '1 second'
    from unnest(${failures}::int[], ${seconds}::int[]) as step (failures, seconds)
    where step.failures <= known.failures)`
  const isForgotten = sql`known.last_at < now() - interval '1 day'`
  const isDue = sql`least(known.last_at, now()) + ${wait} <= now()`
  return sql`
    insert into wrong_passwords as known (subject_hash, caller_hash)
    select ${hash(subject)}, ${hash(caller)} from setting where ${isWanted}
    on conflict (subject_hash, caller_hash) do update
    set failures = case when ${isForgotten} then 1 when ${isDue} then known.failures + 1 else known.failures end,
      last_at = case when ${isDue} then now() else least(known.last_at, now() - interval '1 millisecond') end
    returning failures, extract(epoch from now() - last_at)::float8 as "secondsSinceLast", last_at = now() as "isAllowed"`
}

/** Returns the failures that a counter has counted. Throws `TooManyRequestsError` if the attempt comes too early. */
function countedFailures({ steps }: Counter, row: Row | undefined): number {
  if (!row) throw new Error('The upsert returned no row.')
  if (row.isAllowed) return row.failures
  const longest = Math.max(0, ...steps.filter((step) => step.failures <= row.failures).map((step) => step.seconds))
  throw tooEarlyError(Math.max(1, Math.ceil(longest - row.secondsSinceLast)))
}

function tooEarlyError(seconds: number): AppError {
  return new AppError('TooManyRequestsError', `Too many wrong passwords. Try again in ${seconds} seconds.`, {
    headers: { 'retry-after': String(seconds) },
    messageKey: 'page.form.too-many-passwords',
  })
}

async function uncount(db: Queryable, { subject, caller }: Counter): Promise<void> {
  await db.query(sql`
    update wrong_passwords set failures = failures - 1
    where subject_hash = ${hash(subject)} and caller_hash = ${hash(caller)} and failures > 0`)
}

/** Forgets what these counters have counted. */
export async function clearFailures(db: Queryable, counters: Counter[]): Promise<void> {
  const subjects = counters.map(({ subject }) => hash(subject))
  const callers = counters.map(({ caller }) => hash(caller))
  await db.query(sql`
    delete from wrong_passwords
    where (subject_hash, caller_hash) in (select * from unnest(${subjects}::bytea[], ${callers}::bytea[]))`)
}

/** Forgets the failures of all callers and browsers, so that the owner can log in from anywhere. */
export async function clearAccountFailures(tx: Transaction, accountId: string): Promise<void> {
  const account = await findAccount(tx, accountId)
  if (!account) return
  // In the order in which an attempt counts them, to avoid deadlocks.
  const [subject, everyone] = [hash(account.canonical), hash('')]
  await Promise.all([
    tx.query(sql`delete from wrong_passwords where subject_hash = ${subject} and caller_hash <> ${everyone}`),
    tx.query(sql`delete from wrong_passwords where subject_hash = ${subject} and caller_hash = ${everyone}`),
  ])
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
