import type { Logger } from 'pino'
import { eraseDueAccounts } from '../account-settings/retention.ts'
import { deleteOldEmailChanges, deleteOldEvents } from '../accounts/retention.ts'
import { type Database, sql, type Transaction } from '../database/database.ts'
import { deleteLapsedCounts } from '../http/retention.ts'
import { deleteOldLinks } from '../links/retention.ts'
import { deleteClosedMails } from '../mail/retention.ts'
import { deleteUnrestorableMovies } from '../movies/retention.ts'
import { deleteOldFailures } from '../passwords/retention.ts'
import { deleteOldSessions, deleteUnusedBrowsers } from '../sessions/retention.ts'

const hourMs = 3_600_000

/** Runs the purge once an hour. Several processes may do so: one purges, and the others skip their turn. */
export function startPurge(db: Database, log: Logger): { stop: () => Promise<void> } {
  let running: Promise<void> = Promise.resolve()
  const start = () => {
    running = purge(db).catch((err: unknown) =>
      log.error({ event: 'purge-failed', err }, 'Old rows could not be purged; trying again in an hour'),
    )
  }
  // Random, because processes that start together should not purge together.
  const first = setTimeout(start, Math.random() * 60_000)
  const timer = setInterval(start, hourMs)
  return {
    stop: () => {
      clearTimeout(first)
      clearInterval(timer)
      return running
    },
  }
}

/** Deletes what each folder no longer keeps, then the accounts whose deletion is due. Their errors are thrown last. */
export async function purge(db: Database): Promise<void> {
  let isDone = false
  while (!isDone) isDone = await db.transaction(purgeBatch)
  await eraseDueAccounts(db)
}

const batch = 1000

const statements = [
  deleteClosedMails(batch),
  deleteOldLinks(batch),
  deleteOldSessions(batch),
  deleteUnusedBrowsers(batch),
  deleteOldFailures(batch),
  deleteOldEmailChanges(batch),
  deleteOldEvents(batch),
  deleteUnrestorableMovies(batch),
  deleteLapsedCounts(batch),
]

/** Returns true if nothing is left to purge or another process is purging. */
async function purgeBatch(tx: Transaction): Promise<boolean> {
  if (!(await tryLock(tx))) return true
  let isDone = true
  for (const statement of statements) {
    const deleted = await tx.query(statement)
    if (deleted.length === batch) isDone = false
  }
  return isDone
}

async function tryLock(tx: Transaction): Promise<boolean> {
  const [lock] = await tx.query<{ isOurs: boolean }>(sql`
    select pg_try_advisory_xact_lock(hashtext('movie-bag purge')) as "isOurs"`)
  return lock?.isOurs ?? false
}
