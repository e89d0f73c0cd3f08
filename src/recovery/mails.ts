import { writeSecurityNotice, writeUndoMail } from '../account-settings/mails.ts'
import { type Account, lockAccount, lockAccountByEmail } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { canonicalEmail, isLocal, isRouted } from '../accounts/email-address.ts'
import { findChangeReserving } from '../accounts/email-changes.ts'
import { countMail, countResetMail } from '../accounts/mail-limits.ts'
import type { Config } from '../config/config.ts'
import type { Transaction } from '../database/database.ts'
import { formatDuration } from '../i18n/format.ts'
import { hasEndedLink, mintLink, replaceOlderLinks } from '../links/link.ts'
import type { ClaimedMail, ResetOrigin } from '../mail/mail.ts'
import { assignAccount } from '../mail/outbox.ts'
import { chooseLocale, type WriterContext, type WrittenMail } from '../mail/write.ts'
import { isKnownBrowser } from '../sessions/known-browser.ts'
import { isCoolingDown } from './cool-down.ts'

type Context = WriterContext & Pick<Config, 'production' | 'resetTokenTtlMs' | 'unknownAddressMail'>
type ResetMail = ClaimedMail<'reset-password'>

/** Writes to the account that a reset was requested for, with a link to set a new password. */
export async function writeResetMail(context: Context, mail: ResetMail): Promise<WrittenMail> {
  const { db, render, publicUrl, resetTokenTtlMs } = context
  const prepared = await db.transaction((tx) => prepareResetMail(tx, resetTokenTtlMs, mail))
  if ('state' in prepared) return prepared.state === 'no recipient' ? writeToUnknownEmail(context, mail) : prepared
  const { account, token, reportToken } = prepared
  const locale = chooseLocale(context, mail, account.warningLocale)
  const values = {
    url: `${publicUrl}/reset/${token}`,
    not_me_url: `${publicUrl}/not-me/${reportToken}`,
    lifetime: formatDuration(locale, resetTokenTtlMs),
    email: account.email,
  }
  return { to: account.email, message: await render(mail.kind, locale, values) }
}

/** Writes to the owner that the password was reset. */
export function writePasswordReset(
  context: WriterContext,
  mail: ClaimedMail<'password-reset-successful'>,
): Promise<WrittenMail> {
  return writeSecurityNotice(context, mail)
}

type Prepared =
  | { account: Account; token: string; reportToken: string }
  | { state: 'no recipient' | 'too soon' | 'cancelled' | 'lease lost' }

/**
 * Decides, the first time its account is found, whether a reset request gets a mail. Mints the links of the mail, new
 * ones on every attempt to send it.
 */
async function prepareResetMail(tx: Transaction, ttlMs: number, mail: ResetMail): Promise<Prepared> {
  const account = await findRecipient(tx, mail)
  if (!account) return { state: 'no recipient' }
  const accountId = account.id
  if (!mail.accountId) {
    const origin = { isStranger: await isStranger(tx, accountId, mail.params) }
    if (await isCoolingDown(tx, accountId, origin)) return { state: 'too soon' }
    if (!(await countResetMail(tx, account, origin))) return { state: 'too soon' }
    await recordEvent(tx, { accountId, event: 'reset requested', supportCode: mail.supportCode })
  }
  if (mail.attempts > 1 && (await hasEndedLink(tx, accountId, mail.id))) return { state: 'cancelled' }
  if (!(await assignAccount(tx, mail, accountId))) return { state: 'lease lost' }
  const purpose = 'reset-password'
  const [token, reportToken] = await Promise.all([
    mintLink(tx, { purpose, accountId, mailId: mail.id, ttlMs }),
    mintLink(tx, { purpose: 'report-request', accountId, ttlMs }),
    replaceOlderLinks(tx, { purpose, accountId, mailId: mail.id, keepMails: 3 }),
  ])
  return { account, token, reportToken }
}

/** Returns whether a caller has shown no sign of having used the account before. */
async function isStranger(tx: Transaction, accountId: string, { link, browser }: ResetOrigin): Promise<boolean> {
  return !link && !(browser && (await isKnownBrowser(tx, accountId, browser)))
}

async function findRecipient(tx: Transaction, { accountId, email }: ResetMail): Promise<Account | undefined> {
  if (accountId) return lockAccount(tx, accountId)
  const canonical = canonicalEmail(email ?? '')
  return canonical ? lockAccountByEmail(tx, canonical) : undefined
}

// Limits on mails to an email address without an account, across all requests.
const undoMailLimit = { name: 'undo-mails', points: 1, seconds: 3600 }
const noAccountMailLimit = { name: 'no-account-mails', points: 1, seconds: 86_400 }

/**
 * Writes to an email address without an account. If an account changed away from this address and can still undo that,
 * the mail has the undo link. Otherwise, if `unknownAddressMail` is on, it says that there is no account with this
 * address.
 */
async function writeToUnknownEmail(context: Context, mail: ResetMail): Promise<WrittenMail> {
  const { db, render, publicUrl, unknownAddressMail, production } = context
  const canonical = canonicalEmail(mail.email ?? '')
  if (!canonical || isRouted(canonical)) return { state: 'no recipient' }
  const change = await findChangeReserving(db, canonical)
  if (change) {
    const isAllowed = await countMail(db, mail, { email: canonical, limit: undoMailLimit })
    return isAllowed ? writeUndoMail(context, mail, { change, device: {} }) : { state: 'too soon' }
  }
  if (!unknownAddressMail || (production && isLocal(canonical))) return { state: 'no recipient' }
  const isAllowed =
    (await countMail(db, mail, { email: canonical, limit: noAccountMailLimit })) &&
    (await countMail(db, mail, { email: canonical }))
  if (!isAllowed) return { state: 'no recipient' }
  const values = { email: canonical, url: publicUrl }
  return { to: canonical, message: await render('no-account', chooseLocale(context, mail), values) }
}
