import type { Config } from '../config.ts'
import type { Database } from '../database/database.ts'
import { dateInWords } from '../http/sentences.ts'
import type { MailWriters } from '../mail/deliver.ts'
import type { ClaimedMail } from '../mail/outbox.ts'
import type { RenderMail } from '../mail/templates.ts'
import { accountById } from './account.ts'
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
      return { to: account.email, message: await render(mail.kind, mail.locale, { url, email: account.email }) }
    },

    'confirm-address': async (mail) => {
      const account = await accountOf(db, mail)
      const email = mail.params['email'] ?? ''
      if (!account) return { state: 'no recipient' }
      if (account.pendingEmail !== email) return { state: 'cancelled' }
      const link = { purpose: 'confirm-address', accountId: account.id, ttlMs: day, params: { email } } as const
      const url = `${config.publicUrl}/confirm-address/${await mintActionLink(db, link)}`
      return { to: email, message: await render(mail.kind, mail.locale, { url, email }) }
    },

    'address-changed': async (mail) => {
      const change = await changeToUndo(db, mail.params['change'] ?? '')
      if (!change) return { state: 'cancelled' }
      const params = { change: change.id }
      const link = { purpose: 'undo-address', accountId: change.accountId, ttlMs: undoTtlMs, params } as const
      const url = `${config.publicUrl}/undo-address/${await mintActionLink(db, link)}`
      const values = { url, email: change.oldEmail, ...circumstances(mail) }
      return { to: change.oldEmail, message: await render(mail.kind, mail.locale, values) }
    },

    'password-changed': (mail) => aboutChange(db, config, render, mail),
    'new-device': (mail) => aboutChange(db, config, render, mail),

    'account-deleted': async (mail) => {
      const email = mail.address ?? ''
      const at = mail.params['at'] ?? ''
      const values = { email, at: dateInWords(mail.locale, at), is_waiting: new Date(at) > new Date() }
      return { to: email, message: await render(mail.kind, mail.locale, values) }
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
  const values = { url, email: account.email, ...circumstances(mail) }
  return { to: account.email, message: await render(mail.kind, mail.locale, values) }
}

function circumstances({ locale, params }: ClaimedMail) {
  return { at: dateInWords(locale, params['at']), device: params['device'] ?? '' }
}

async function accountOf(db: Database, mail: ClaimedMail) {
  return mail.accountId ? accountById(db, mail.accountId) : undefined
}
