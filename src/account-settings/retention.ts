import { listDueDeletions, lockDueDeletion } from '../accounts/account.ts'
import type { Database, Transaction } from '../database/database.ts'
import { eraseAccount } from './delete-account.ts'

/**
 * Deletes the accounts that were only closed because an email change could still be undone. If one cannot be deleted,
 * the others still are; the errors are thrown at the end.
 */
export async function eraseDueAccounts(db: Database): Promise<void> {
  const errors: unknown[] = []
  for (const id of await listDueDeletions(db)) {
    await db.transaction((tx) => eraseIfDue(tx, id)).catch((error: unknown) => errors.push(error))
  }
  if (errors.length > 0) throw new AggregateError(errors, 'Closed accounts could not be deleted')
}

async function eraseIfDue(tx: Transaction, accountId: string): Promise<void> {
  const account = await lockDueDeletion(tx, accountId)
  if (account) await eraseAccount(tx, accountId, account)
}
