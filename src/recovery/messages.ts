import { type Account, accountById, lockAccount, lockAccountByAddress } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/email-address.ts'
import type { Config } from '../config.ts'
import type { Database, Transaction } from '../database/database.ts'
import type { MailWriters } from '../mail/deliver.ts'
import { addressToAccount, type ClaimedMail } from '../mail/outbox.ts'
import type { RenderMail } from '../mail/templates.ts'
import { isTooSoon } from './cool-down.ts'
import { mintResetLink } from './reset-link.ts'

/** Every mail that the recovery sends, by its kind. */
export function recoveryMessages(db: Database, config: Config, render: RenderMail): MailWriters {
  return {
    'reset-password': async (mail) => {
      const answer = await db.transaction((tx) => answerRequest(tx, config, mail))
      if ('state' in answer) return answer
      const { account, token } = answer
      const url = `${config.publicUrl}/reset/${token}`
      const lifetime = inWords(mail.locale, config.resetTokenTtlMs)
      return {
        to: account.email,
        message: await render(mail.kind, mail.locale, { url, lifetime, email: account.email }),
      }
    },

    'password-reset-successful': async (mail) => {
      const account = mail.accountId ? await accountById(db, mail.accountId) : undefined
      if (!account) return { state: 'no recipient' }
      const { at, device } = mail.params
      const url = `${config.publicUrl}/forgot`
      const when = new Intl.DateTimeFormat(mail.locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
      const values = { url, email: account.email, device, at: `${when.format(new Date(at ?? Date.now()))} UTC` }
      return { to: account.email, message: await render(mail.kind, mail.locale, values) }
    },
  }
}

type Answer = { account: Account; token: string } | { state: 'no recipient' | 'too soon' | 'lease lost' }

/** Decides on a request, once, and makes the link at the last moment; a second attempt at the same mail makes another. */
async function answerRequest(tx: Transaction, config: Config, mail: ClaimedMail): Promise<Answer> {
  const account = await recipientOf(tx, mail)
  if (!account) return { state: 'no recipient' }
  if (!mail.accountId && (await isTooSoon(tx, account.id))) return { state: 'too soon' }
  if (!(await addressToAccount(tx, mail, account.id))) return { state: 'lease lost' }
  const token = await mintResetLink(tx, { accountId: account.id, mailId: mail.id, ttlMs: config.resetTokenTtlMs })
  return { account, token }
}

function recipientOf(tx: Transaction, { accountId, address }: ClaimedMail): Promise<Account | undefined> {
  if (accountId) return lockAccount(tx, accountId)
  return lockAccountByAddress(tx, canonicalAddress(address ?? '') ?? '')
}

/** A length of time in the largest unit that measures it without a rest. */
function inWords(locale: string, ms: number): string {
  const seconds = Math.round(ms / 1000)
  const format = new Intl.DurationFormat(locale, { style: 'long' })
  if (seconds % 3600 === 0) return format.format({ hours: seconds / 3600 })
  return format.format(seconds % 60 === 0 ? { minutes: seconds / 60 } : { seconds })
}
