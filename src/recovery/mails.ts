import { aboutChange, aboutMove, localeOf } from '../account-settings/mails.ts'
import { type Account, lockAccount, lockAccountByAddress } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { canonicalEmail } from '../accounts/email-address.ts'
import { findChangeReserving } from '../accounts/email-changes.ts'
import type { Config } from '../config/config.ts'
import type { Database, Transaction } from '../database/database.ts'
import { formatDuration } from '../i18n/translate.ts'
import { mintActionLink } from '../links/action-link.ts'
import { isResetObsolete, mintResetLink } from '../links/reset-link.ts'
import type { MailWriters, WrittenMail } from '../mail/delivery.ts'
import { assignAccount, type ClaimedMail } from '../mail/outbox.ts'
import type { RenderMail } from '../mail/render.ts'
import { isCoolingDown } from './cool-down.ts'
import { mayTellAddress } from './unknown-address.ts'

/** Every mail that the recovery sends, by its kind. */
export function recoveryMessages(db: Database, config: Config, render: RenderMail): MailWriters {
  return {
    'reset-password': async (mail) => {
      const answer = await db.transaction((tx) => prepareResetMail(tx, config, mail))
      if ('state' in answer)
        return answer.state === 'no recipient' ? mailToUnknownAddress(db, config, render, mail) : answer
      const { account, token, notMeToken } = answer
      const locale = localeOf(config, mail, account)
      const values = {
        url: `${config.publicUrl}/reset/${token}`,
        not_me_url: `${config.publicUrl}/not-me/${notMeToken}`,
        lifetime: formatDuration(locale, config.resetTokenTtlMs),
        email: account.email,
      }
      return { to: account.email, message: await render(mail.kind, locale, values) }
    },

    'password-reset-successful': (mail) => aboutChange(db, config, render, mail),
  }
}

type Answer =
  | { account: Account; token: string; notMeToken: string }
  | { state: 'no recipient' }
  | { state: 'too soon' }
  | { state: 'cancelled' }
  | { state: 'lease lost' }

/** Decides on a request, once, and makes the links at the last moment; a second attempt at the same mail makes others. */
async function prepareResetMail(tx: Transaction, config: Config, mail: ClaimedMail): Promise<Answer> {
  const account = await findRecipient(tx, mail)
  if (!account) return { state: 'no recipient' }
  const accountId = account.id
  if (!mail.accountId) {
    if (await isCoolingDown(tx, accountId)) return { state: 'too soon' }
    await recordEvent(tx, { accountId, event: 'reset requested', supportCode: mail.supportCode })
  }
  if (mail.attempts > 1 && (await isResetObsolete(tx, accountId, mail.id))) return { state: 'cancelled' }
  if (!(await assignAccount(tx, mail, accountId))) return { state: 'lease lost' }
  const ttlMs = config.resetTokenTtlMs
  const token = await mintResetLink(tx, { accountId, mailId: mail.id, ttlMs })
  const notMeToken = await mintActionLink(tx, { purpose: 'not-me-request', accountId, ttlMs })
  return { account, token, notMeToken }
}

async function findRecipient(tx: Transaction, { accountId, email }: ClaimedMail): Promise<Account | undefined> {
  if (accountId) return lockAccount(tx, accountId)
  const canonical = canonicalEmail(email ?? '')
  return canonical ? lockAccountByAddress(tx, canonical) : undefined
}

/**
 * What an address is told that no account has: how to undo it, where an account has left it that can still come back; and
 * that nobody has it here, where the operator wants that.
 */
async function mailToUnknownAddress(
  db: Database,
  config: Config,
  render: RenderMail,
  mail: ClaimedMail,
): Promise<WrittenMail> {
  const canonical = canonicalEmail(mail.email ?? '')
  if (!canonical) return { state: 'no recipient' }
  const change = await findChangeReserving(db, canonical)
  if (change) {
    const may = await mayTellAddress(db, { canonical, mailId: mail.id, onceInHours: 1 })
    return may ? aboutMove(db, config, render, { mail, change }) : { state: 'too soon' }
  }
  const may = config.unknownAddressMail && (await mayTellAddress(db, { canonical, mailId: mail.id, onceInHours: 24 }))
  if (!may) return { state: 'no recipient' }
  const values = { email: canonical, url: config.publicUrl }
  return { to: canonical, message: await render('no-account', localeOf(config, mail), values) }
}
