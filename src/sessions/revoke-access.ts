import type { Transaction } from '../database/database.ts'
import { type LinkPurpose, revokeLinks } from '../links/link.ts'
import { clearAccountFailures } from '../passwords/throttle.ts'
import { forgetBrowsers } from './known-browser.ts'
import { endSessions } from './session.ts'

type Access = { links: LinkPurpose[]; forgetsBrowsers: boolean; clearsFailures: boolean }

/**
 * What ends besides the sessions when the access to an account changes hands. The links that undo a change of e-mail
 * address, or report a change, survive all of it: they are the owner's way back after a thief did any of these.
 */
const ends = {
  // Only the person who reads the account's mail may stay. Throttling must not keep them out.
  'password reset': { links: ['reset-password'], forgetsBrowsers: true, clearsFailures: true },
  // The owner knew the password, so their browsers stay known.
  'password changed': { links: ['reset-password'], forgetsBrowsers: false, clearsFailures: false },
  // Only the reset mail that follows gives access. Links that a thief requested stop working.
  'account frozen': {
    links: ['reset-password', 'confirm-email', 'report-request'],
    forgetsBrowsers: true,
    clearsFailures: false,
  },
  // The rest goes with the account.
  'account closed': { links: ['reset-password'], forgetsBrowsers: false, clearsFailures: false },
} satisfies Record<string, Access>

/** Ends the account's sessions, except the one to keep, and whatever else could be used to get in. */
export async function revokeAccess(
  tx: Transaction,
  accountId: string,
  { because, keepSession }: { because: keyof typeof ends; keepSession?: string },
): Promise<void> {
  const { links, forgetsBrowsers, clearsFailures }: Access = ends[because]
  await endSessions(tx, accountId, keepSession === undefined ? {} : { keep: keepSession })
  await revokeLinks(tx, accountId, links)
  if (forgetsBrowsers) await forgetBrowsers(tx, accountId)
  if (clearsFailures) await clearAccountFailures(tx, accountId)
}
