import type { Logger } from 'pino'
import { eraseAccount } from '../account-settings/delete-account.ts'
import { listDueDeletions, lockDueDeletion } from '../accounts/account.ts'
import { type Database, sql, type Transaction } from '../database/database.ts'

const hour = 3_600_000

/** Deletes, once an hour and by one process at a time, what nobody needs any more. */
export function startPurge(db: Database, log: Logger): { stop: () => Promise<void> } {
  let running: Promise<void> = Promise.resolve()
  const start = () => {
    running = purge(db).catch((error: unknown) =>
      log.error({ err: error }, 'Old rows could not be purged; next try in an hour'),
    )
  }
  // Processes that start together should not purge together.
  const first = setTimeout(start, Math.random() * 60_000)
  const timer = setInterval(start, hour)
  return {
    stop: () => {
      clearTimeout(first)
      clearInterval(timer)
      return running
    },
  }
}

/**
 * Mails 30 days after they closed (24 hours where nobody has the address), links and sessions 30 days after their end,
 * changes of address 30 days after they could be undone, history after a year, counters when they lapse, movies a minute
 * after they were deleted, and the accounts whose deletion had to wait. An account that cannot be deleted keeps nothing
 * else; it is thrown at the end.
 */
export async function purge(db: Database): Promise<void> {
  for (let isDone = false; !isDone; ) isDone = await db.transaction(purgeSome)
  await eraseClosedAccounts(db)
}

const batch = 1000

const statements = [
  sql`
    delete from outbox where id in (
      select id from outbox
      where closed_at < now() - interval '30 days'
        or (closed_at < now() - interval '24 hours' and state = 'no recipient')
      limit ${batch})
    returning id`,
  sql`
    delete from links where token_hash in (
      select token_hash from links where expires_at < now() - interval '30 days' limit ${batch})
    returning account_id`,
  sql`
    delete from sessions where id in (
      select id from sessions
      where expires_at < now() - interval '30 days' or ended_at < now() - interval '30 days' limit ${batch})
    returning id`,
  sql`
    delete from email_changes where id in (
      select id from email_changes where undo_until < now() - interval '30 days' limit ${batch})
    returning id`,
  sql`
    delete from audit_history where id in (
      select id from audit_history where at < now() - interval '1 year' limit ${batch})
    returning id`,
  sql`
    delete from known_browsers where (account_id, token_hash) in (
      select account_id, token_hash from known_browsers where last_used_at < now() - interval '400 days' limit ${batch})
    returning account_id`,
  sql`
    delete from deleted_movies where id in (
      select id from deleted_movies where deleted_at < now() - interval '1 minute' limit ${batch})
    returning id`,
  sql`
    delete from rate_limits where key in (
      select key from rate_limits where expires_at < now() limit ${batch})
    returning key`,
]

async function purgeSome(tx: Transaction): Promise<boolean> {
  if (!(await isOnlyOne(tx))) return true
  let isDone = true
  for (const statement of statements) {
    const deleted = await tx.query(statement)
    if (deleted.length === batch) isDone = false
  }
  return isDone
}

async function isOnlyOne(tx: Transaction): Promise<boolean> {
  const [lock] = await tx.query<{ isOurs: boolean }>(sql`
    select pg_try_advisory_xact_lock(hashtext('movie-bag purge')) as "isOurs"`)
  return lock?.isOurs ?? false
}

/** Those whose owners asked for it, when no change of address can be undone any more. */
async function eraseClosedAccounts(db: Database): Promise<void> {
  const failures: unknown[] = []
  for (const id of await listDueDeletions(db)) {
    await db.transaction((tx) => eraseIfDue(tx, id)).catch((error: unknown) => failures.push(error))
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Closed accounts could not be deleted')
}

async function eraseIfDue(tx: Transaction, accountId: string): Promise<void> {
  const account = await lockDueDeletion(tx, accountId)
  if (account) await eraseAccount(tx, accountId, account)
}
