import type { Transaction } from '../database/database.ts'
import { type LinkPurpose, revokeLinks } from '../links/link.ts'
import { clearAccountFailures } from '../passwords/throttle.ts'
import { endSessions, forgetDevices } from './session.ts'

type Access = { links: LinkPurpose[]; forgetsDevices: boolean; clearsFailures: boolean }

/**
 * What is revoked besides the sessions. Links that undo an email change or report a change are never revoked: with them
 * the owner recovers an account that a thief has taken over.
 */
const ends = {
  // Only the person who reads the account's mail may stay. Throttling must not keep them out.
  'password reset': { links: ['reset-password'], forgetsDevices: true, clearsFailures: true },
  // The owner knew the password, so browsers in which no session was live stay known.
  'password changed': { links: ['reset-password'], forgetsDevices: false, clearsFailures: false },
  // Only the reset mail that follows gives access. Links that a thief requested stop working.
  'account frozen': {
    links: ['reset-password', 'confirm-email', 'report-request'],
    forgetsDevices: true,
    clearsFailures: false,
  },
  'ended by the operator': { links: ['reset-password'], forgetsDevices: true, clearsFailures: false },
  // The rest is deleted with the account.
  'account closed': { links: ['reset-password'], forgetsDevices: false, clearsFailures: false },
} satisfies Record<string, Access>

/** Ends the account's sessions, except `keepSession`, and revokes whatever else gives access. */
export async function revokeAccess(
  tx: Transaction,
  accountId: string,
  { because, keepSession }: { because: keyof typeof ends; keepSession?: string },
): Promise<void> {
  const { links, forgetsDevices, clearsFailures }: Access = ends[because]
  await Promise.all([
    endSessions(tx, accountId, { keep: keepSession }),
    revokeLinks(tx, accountId, links),
    forgetsDevices && forgetDevices(tx, accountId),
    clearsFailures && clearAccountFailures(tx, accountId),
  ])
}
