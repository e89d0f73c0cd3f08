import { findAccountByEmail } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { canonicalEmail } from '../accounts/email-address.ts'
import { type Database, openDatabase, type Queryable } from '../database/database.ts'
import { StartError } from '../errors.ts'
import { revokeAccess } from '../sessions/revoke-access.ts'
import { findLoggedInAccounts } from '../sessions/session.ts'
import { migrateAndLog, openPostgres } from './prepare-database.ts'
import { startComponents } from './start-components.ts'

/** Whose sessions to end: those of the account with an email address, or of all accounts. */
export type SessionOwner = { email: string } | 'everyone'

/**
 * `movie-bag end-sessions`: logs an account, or everyone, out of all devices, forgets these devices, and exits. Throws a
 * `StartError` if no account has the email address.
 */
export async function endSessionsOf(owner: SessionOwner, signal: AbortSignal): Promise<undefined> {
  const { stop } = await startComponents(signal, async (startup) => {
    const { config, log, onStop } = startup
    const { url } = await openPostgres(startup)
    await migrateAndLog(url, startup)
    const onError = (err: Error) => log.warn({ event: 'connection-lost', err }, 'A connection to the database was lost')
    const db = openDatabase(url, { connections: 1, isPrepared: config.databasePrepare, onError })
    onStop(() => db.close())
    const accountIds = owner === 'everyone' ? await findLoggedInAccounts(db) : [await findAccountId(db, owner.email)]
    for (const accountId of accountIds) await endAll(db, accountId)
    const accounts = accountIds.length
    log.info(
      { event: 'sessions-ended', accounts },
      `Logged out ${accounts === 1 ? '1 account' : `${accounts} accounts`}`,
    )
  })
  await stop()
}

async function findAccountId(db: Queryable, email: string): Promise<string> {
  const canonical = canonicalEmail(email)
  const account = canonical && (await findAccountByEmail(db, canonical))
  if (account) return account.id
  throw new StartError(`No account has the email address ${email}.`)
}

async function endAll(db: Database, accountId: string): Promise<void> {
  await db.transaction(async (tx) => {
    await revokeAccess(tx, accountId, { because: 'ended by the operator' })
    await recordEvent(tx, { accountId, event: 'sessions ended by operator' })
  })
}
