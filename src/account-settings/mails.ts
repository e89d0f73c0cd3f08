import { findAccount } from '../accounts/account.ts'
import { type EmailChange, emailAt, findRecentChange, undoTtlMs } from '../accounts/email-changes.ts'
import { countMail } from '../accounts/mail-limits.ts'
import { type Device, formatDate, formatDevice } from '../i18n/format.ts'
import { mintLink } from '../links/link.ts'
import type { ClaimedMail } from '../mail/mail.ts'
import { chooseLocale, type WriterContext, type WrittenMail } from '../mail/write.ts'

/** To a new email address, with the link that confirms the change to it. */
export async function writeEmailConfirmation(
  context: WriterContext,
  mail: ClaimedMail<'confirm-address'>,
): Promise<WrittenMail> {
  const { db, render, publicUrl } = context
  const { email } = mail.params
  const account = await findAccount(db, mail.accountId)
  if (!account) return { state: 'no recipient' }
  if (account.pendingEmail !== email) return { state: 'cancelled' }
  if (!(await countMail(db, mail, { email }))) return { state: 'too soon' }
  const link = { purpose: 'confirm-email', accountId: account.id, ttlMs: day, params: { email } } as const
  const url = `${publicUrl}/confirm-address/${await mintLink(db, link)}`
  return { to: email, message: await render(mail.kind, chooseLocale(context, mail, account.locale), { url, email }) }
}

/** To the former email address, with the link that undoes the change if that email address was verified. */
export async function writeEmailChanged(
  context: WriterContext,
  mail: ClaimedMail<'address-changed'>,
): Promise<WrittenMail> {
  const change = await findRecentChange(context.db, mail.params.change)
  if (!change) return { state: 'cancelled' }
  const { isUndoable, oldEmail: email } = change
  if (!isUndoable && !(await countMail(context.db, mail, { email }))) return { state: 'too soon' }
  return writeUndoMail(context, mail, { change, device: mail.params.device })
}

/** To the owner, after someone who knew the old password changed it. */
export function writePasswordChanged(
  context: WriterContext,
  mail: ClaimedMail<'password-changed'>,
): Promise<WrittenMail> {
  return writeSecurityNotice(context, mail)
}

/** To the owner, after someone logged in from a new device. */
export function writeNewDevice(context: WriterContext, mail: ClaimedMail<'new-device'>): Promise<WrittenMail> {
  return writeSecurityNotice(context, mail)
}

/** To the last email address of an account that was closed or deleted. */
export async function writeAccountDeleted(
  context: WriterContext,
  mail: ClaimedMail<'account-deleted'>,
): Promise<WrittenMail> {
  const { email, params, queuedAt } = mail
  if (!params.isVerified && !(await countMail(context.db, mail, { email }))) return { state: 'too soon' }
  const locale = chooseLocale(context, mail)
  const at = formatDate(locale, params.until ? new Date(params.until) : queuedAt)
  const values = { email, at, is_waiting: params.until !== null }
  return { to: email, message: await context.render(mail.kind, locale, values) }
}

/** Writes to an account's former email address, with the link that restores it if the change can be undone. */
export async function writeUndoMail(
  context: WriterContext,
  mail: ClaimedMail,
  { change, device }: { change: EmailChange; device: Device },
): Promise<WrittenMail> {
  const { db, render, publicUrl } = context
  const { id, accountId, oldEmail: email, changedAt } = change
  const link = { purpose: 'undo-email-change', accountId, ttlMs: undoTtlMs, params: { change: id } } as const
  const url = change.isUndoable ? `${publicUrl}/undo-address/${await mintLink(db, link)}` : ''
  const account = await findAccount(db, accountId)
  const locale = chooseLocale(context, mail, account?.warningLocale)
  const values = { url, email, at: formatDate(locale, changedAt), device: formatDevice(locale, device) }
  return { to: email, message: await render('address-changed', locale, values) }
}

type SecurityNotice = 'password-changed' | 'password-reset-successful' | 'new-device'

/**
 * Writes what was done to an account, when and from which device, with a "this wasn't me" link. The mail goes to the
 * email address the account had then, because an attacker may have changed it since. A mail is queued in the
 * transaction that it reports, so its time is the time of the change.
 */
export async function writeSecurityNotice(
  context: WriterContext,
  mail: ClaimedMail<SecurityNotice>,
): Promise<WrittenMail> {
  const { db, render, publicUrl } = context
  const account = await findAccount(db, mail.accountId)
  const address = account && (await emailAt(db, account.id, mail.queuedAt))
  if (!address) return { state: 'no recipient' }
  const { email, isVerified } = address
  if (!isVerified && !(await countMail(db, mail, { email }))) return { state: 'too soon' }
  const link = { purpose: 'report-change', accountId: account.id, ttlMs: 7 * day, params: { email } } as const
  const url = `${publicUrl}/not-me/${await mintLink(db, link)}`
  const locale = chooseLocale(context, mail, account.warningLocale)
  const at = formatDate(locale, mail.queuedAt)
  const values = { url, email, at, device: formatDevice(locale, mail.params.device) }
  return { to: email, message: await render(mail.kind, locale, values) }
}

const day = 86_400_000
