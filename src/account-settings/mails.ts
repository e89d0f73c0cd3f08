import { type Account, findAccount } from '../accounts/account.ts'
import { emailAt, findUndoableChange, type UndoableChange, undoTtlMs } from '../accounts/email-changes.ts'
import { recipientLimit } from '../accounts/mail-limits.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { formatDate, formatDevice } from '../i18n/format.ts'
import { toLanguage } from '../i18n/languages.ts'
import { mintLink } from '../links/link.ts'
import type { MailWriters, WrittenMail } from '../mail/delivery.ts'
import type { ClaimedMail } from '../mail/outbox.ts'
import type { RenderMail } from '../mail/render.ts'

const day = 86_400_000

/** Every mail that accounts send, by its kind. */
export function accountMessages(db: Database, config: Config, render: RenderMail): MailWriters {
  const may = recipientLimit(db)
  return {
    'verify-address': async (mail) => {
      const account = await accountOf(db, mail)
      if (!account) return { state: 'no recipient' }
      if (account.isVerified) return { state: 'cancelled' }
      if (!(await may(mail, account.email))) return { state: 'too soon' }
      const link = {
        purpose: 'verify-email',
        accountId: account.id,
        ttlMs: 7 * day,
      } as const
      const url = `${config.publicUrl}/verify/${await mintLink(db, link)}`
      return {
        to: account.email,
        message: await render(mail.kind, localeOf(config, mail, account), { url, email: account.email }),
      }
    },

    'confirm-address': async (mail) => {
      const account = await accountOf(db, mail)
      const email = mail.params['email'] ?? ''
      if (!account) return { state: 'no recipient' }
      if (account.pendingEmail !== email) return { state: 'cancelled' }
      if (!(await may(mail, email))) return { state: 'too soon' }
      const link = { purpose: 'confirm-email', accountId: account.id, ttlMs: day, params: { email } } as const
      const url = `${config.publicUrl}/confirm-address/${await mintLink(db, link)}`
      return { to: email, message: await render(mail.kind, localeOf(config, mail, account), { url, email }) }
    },

    'address-changed': async (mail) => {
      const change = await findUndoableChange(db, mail.params['change'] ?? '')
      return change ? aboutMove(db, config, render, { mail, change }) : { state: 'cancelled' }
    },

    'password-changed': (mail) => aboutChange(db, config, render, mail),
    'new-device': (mail) => aboutChange(db, config, render, mail),

    'account-deleted': async (mail) => {
      const email = mail.email ?? ''
      const { until } = mail.params
      if ('unverified' in mail.params && !(await may(mail, email))) return { state: 'too soon' }
      const locale = localeOf(config, mail)
      const at = formatDate(locale, until === undefined ? mail.queuedAt : new Date(until))
      const values = { email, at, is_waiting: until !== undefined }
      return { to: email, message: await render(mail.kind, locale, values) }
    },
  }
}

/** Tells an address that an account has left it, with the link that brings the account back. */
export async function aboutMove(
  db: Database,
  config: Config,
  render: RenderMail,
  { mail, change }: { mail: ClaimedMail; change: UndoableChange },
): Promise<WrittenMail> {
  const params = { change: change.id }
  const link = { purpose: 'undo-email-change', accountId: change.accountId, ttlMs: undoTtlMs, params } as const
  const url = `${config.publicUrl}/undo-address/${await mintLink(db, link)}`
  const locale = localeOf(config, mail, await findAccount(db, change.accountId))
  const { device } = circumstances(mail, locale)
  const values = { url, email: change.oldEmail, at: formatDate(locale, change.changedAt), device }
  return { to: change.oldEmail, message: await render('address-changed', locale, values) }
}

/**
 * A mail that tells what was done to an account, with the link for "this wasn't me". It goes to the address of that time:
 * who did it may have moved the account since.
 */
export async function aboutChange(
  db: Database,
  config: Config,
  render: RenderMail,
  mail: ClaimedMail,
): Promise<WrittenMail> {
  const account = await accountOf(db, mail)
  const email = account && (await emailAt(db, account.id, mail.queuedAt))
  if (!email) return { state: 'no recipient' }
  const params = { email }
  const link = { purpose: 'report-change', accountId: account.id, ttlMs: 7 * day, params } as const
  const url = `${config.publicUrl}/not-me/${await mintLink(db, link)}`
  const locale = localeOf(config, mail, account)
  const values = { url, email, ...circumstances(mail, locale) }
  return { to: email, message: await render(mail.kind, locale, values) }
}

/** The language of the account, else of the request that caused the mail, else the one of the settings. */
export function localeOf({ defaultLocale }: Config, { locale }: ClaimedMail, account?: Account): string {
  return toLanguage(account?.locale) ?? toLanguage(locale) ?? defaultLocale
}

/** A mail is queued in the transaction that it tells of, so that the time of the one is that of the other. */
function circumstances({ params, queuedAt }: ClaimedMail, locale: string) {
  return { at: formatDate(locale, queuedAt), device: formatDevice(locale, params['device'] ?? '') }
}

async function accountOf(db: Database, mail: ClaimedMail) {
  return mail.accountId ? findAccount(db, mail.accountId) : undefined
}
