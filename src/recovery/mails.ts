import { aboutChange, aboutMove, localeOf } from '../account-settings/mails.ts'
import { type Account, lockAccount, lockAccountByEmail } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { canonicalEmail } from '../accounts/email-address.ts'
import { findChangeReserving } from '../accounts/email-changes.ts'
import { type RecipientLimit, recipientLimit } from '../accounts/mail-limits.ts'
import type { Config } from '../config/config.ts'
import type { Database, Transaction } from '../database/database.ts'
import { formatDuration } from '../i18n/format.ts'
import { hasEndedLink, mintLink, replaceOlderLinks } from '../links/link.ts'
import type { MailWriters, WrittenMail } from '../mail/delivery.ts'
import { assignAccount, type ClaimedMail } from '../mail/outbox.ts'
import type { RenderMail } from '../mail/render.ts'
import { isCoolingDown } from './cool-down.ts'

type Dependencies = { db: Database; config: Config; render: RenderMail }

/** The mails that recovery sends, by kind. */
export function recoveryMessages(db: Database, config: Config, render: RenderMail): MailWriters {
  const limits = unknownAddressLimits(db)
  return {
    'reset-password': (mail) => writeResetMail({ db, config, render }, limits, mail),
    'password-reset-successful': (mail) => aboutChange(db, config, render, mail),
  }
}

async function writeResetMail(
  { db, config, render }: Dependencies,
  limits: UnknownAddressLimits,
  mail: ClaimedMail,
): Promise<WrittenMail> {
  const prepared = await db.transaction((tx) => prepareResetMail(tx, config.resetTokenTtlMs, mail))
  if ('state' in prepared) {
    return prepared.state === 'no recipient' ? mailToUnknownAddress({ db, config, render }, limits, mail) : prepared
  }
  const { account, token, reportToken } = prepared
  const locale = localeOf(config, mail, account)
  const values = {
    url: `${config.publicUrl}/reset/${token}`,
    not_me_url: `${config.publicUrl}/not-me/${reportToken}`,
    lifetime: formatDuration(locale, config.resetTokenTtlMs),
    email: account.email,
  }
  return { to: account.email, message: await render(mail.kind, locale, values) }
}

type Prepared =
  | { account: Account; token: string; reportToken: string }
  | { state: 'no recipient' | 'too soon' | 'cancelled' | 'lease lost' }

/** Decides once whether a request gets a mail, and mints its links. Every attempt to send it mints new ones. */
async function prepareResetMail(tx: Transaction, ttlMs: number, mail: ClaimedMail): Promise<Prepared> {
  const account = await findRecipient(tx, mail)
  if (!account) return { state: 'no recipient' }
  const accountId = account.id
  if (!mail.accountId) {
    if (await isCoolingDown(tx, accountId)) return { state: 'too soon' }
    await recordEvent(tx, { accountId, event: 'reset requested', supportCode: mail.supportCode })
  }
  if (mail.attempts > 1 && (await hasEndedLink(tx, accountId, mail.id))) return { state: 'cancelled' }
  if (!(await assignAccount(tx, mail, accountId))) return { state: 'lease lost' }
  const purpose = 'reset-password'
  const token = await mintLink(tx, { purpose, accountId, mailId: mail.id, ttlMs })
  await replaceOlderLinks(tx, { purpose, accountId, mailId: mail.id, keepMails: 3 })
  const reportToken = await mintLink(tx, { purpose: 'report-request', accountId, ttlMs })
  return { account, token, reportToken }
}

async function findRecipient(tx: Transaction, { accountId, email }: ClaimedMail): Promise<Account | undefined> {
  if (accountId) return lockAccount(tx, accountId)
  const canonical = canonicalEmail(email ?? '')
  return canonical ? lockAccountByEmail(tx, canonical) : undefined
}

type UnknownAddressLimits = { undo: RecipientLimit; noAccount: RecipientLimit }

/** How often an e-mail address without an account gets a mail, however many people ask. */
function unknownAddressLimits(db: Database): UnknownAddressLimits {
  return {
    undo: recipientLimit(db, { name: 'undo-mails', points: 1, seconds: 3600 }),
    noAccount: recipientLimit(db, { name: 'no-account-mails', points: 1, seconds: 86_400 }),
  }
}

/**
 * Writes to an e-mail address without an account: how to undo the change, if an account has left the address and can
 * still come back; and that it has no account here, if the operator wants that said.
 */
async function mailToUnknownAddress(
  { db, config, render }: Dependencies,
  limits: UnknownAddressLimits,
  mail: ClaimedMail,
): Promise<WrittenMail> {
  const canonical = canonicalEmail(mail.email ?? '')
  if (!canonical) return { state: 'no recipient' }
  const change = await findChangeReserving(db, canonical)
  if (change) {
    const isAllowed = await limits.undo(mail, canonical)
    return isAllowed ? aboutMove(db, config, render, { mail, change }) : { state: 'too soon' }
  }
  const isAllowed = config.unknownAddressMail && (await limits.noAccount(mail, canonical))
  if (!isAllowed) return { state: 'no recipient' }
  const values = { email: canonical, url: config.publicUrl }
  return { to: canonical, message: await render('no-account', localeOf(config, mail), values) }
}
