import type { Config } from '../config.ts'
import type { Database } from '../database/database.ts'
import { dateInWords, deviceInWords } from '../http/sentences.ts'
import { knownLanguage } from '../languages.ts'
import type { MailWriters } from '../mail/deliver.ts'
import type { ClaimedMail } from '../mail/outbox.ts'
import type { RenderMail } from '../mail/templates.ts'
import { type Account, accountById } from './account.ts'
import { mintActionLink } from './action-link.ts'
import { changeToUndo, undoTtlMs } from './address-change.ts'

const day = 86_400_000

/** Every mail that accounts send, by its kind. */
export function accountMessages(db: Database, config: Config, render: RenderMail): MailWriters {
  return {
    'verify-address': async (mail) => {
      const account = await accountOf(db, mail)
      if (!account) return { state: 'no recipient' }
      if (account.isVerified) return { state: 'cancelled' }
      const link = {
        purpose: 'verify-address',
        accountId: account.id,
        ttlMs: 7 * day,
        params: { email: account.email },
      } as const
      const url = `${config.publicUrl}/verify/${await mintActionLink(db, link)}`
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
      const link = { purpose: 'confirm-address', accountId: account.id, ttlMs: day, params: { email } } as const
      const url = `${config.publicUrl}/confirm-address/${await mintActionLink(db, link)}`
      return { to: email, message: await render(mail.kind, localeOf(config, mail, account), { url, email }) }
    },

    'address-changed': async (mail) => {
      const change = await changeToUndo(db, mail.params['change'] ?? '')
      if (!change) return { state: 'cancelled' }
      const params = { change: change.id }
      const link = { purpose: 'undo-address', accountId: change.accountId, ttlMs: undoTtlMs, params } as const
      const url = `${config.publicUrl}/undo-address/${await mintActionLink(db, link)}`
      const locale = localeOf(config, mail, await accountOf(db, mail))
      const values = { url, email: change.oldEmail, ...circumstances(mail, locale) }
      return { to: change.oldEmail, message: await render(mail.kind, locale, values) }
    },

    'password-changed': (mail) => aboutChange(db, config, render, mail),
    'new-device': (mail) => aboutChange(db, config, render, mail),

    'account-deleted': async (mail) => {
      const email = mail.address ?? ''
      const { until } = mail.params
      const locale = localeOf(config, mail)
      const at = dateInWords(locale, until === undefined ? mail.queuedAt : new Date(until))
      const values = { email, at, is_waiting: until !== undefined }
      return { to: email, message: await render(mail.kind, locale, values) }
    },
  }
}

/** A mail that tells what was done to an account, with the link for "this wasn't me". */
export async function aboutChange(db: Database, config: Config, render: RenderMail, mail: ClaimedMail) {
  const account = await accountOf(db, mail)
  if (!account) return { state: 'no recipient' } as const
  const params = { email: account.email }
  const link = { purpose: 'not-me-change', accountId: account.id, ttlMs: 7 * day, params } as const
  const url = `${config.publicUrl}/not-me/${await mintActionLink(db, link)}`
  const locale = localeOf(config, mail, account)
  const values = { url, email: account.email, ...circumstances(mail, locale) }
  return { to: account.email, message: await render(mail.kind, locale, values) }
}

/** The language of the account, else of the request that caused the mail, else the one of the settings. */
export function localeOf({ defaultLocale }: Config, { locale }: ClaimedMail, account?: Account): string {
  return knownLanguage(account?.locale) ?? knownLanguage(locale) ?? defaultLocale
}

/** A mail is queued in the transaction that it tells of, so that the time of the one is that of the other. */
function circumstances({ params, queuedAt }: ClaimedMail, locale: string) {
  return { at: dateInWords(locale, queuedAt), device: deviceInWords(locale, params['device'] ?? '') }
}

async function accountOf(db: Database, mail: ClaimedMail) {
  return mail.accountId ? accountById(db, mail.accountId) : undefined
}
