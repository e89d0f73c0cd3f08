import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { toLanguage } from '../i18n/languages.ts'
import type { ClaimedMail, MailKind } from './mail.ts'
import type { Outcome } from './outbox.ts'
import type { RenderMail } from './render.ts'
import type { Message } from './smtp.ts'

/** A message and its recipient, or the reason to send none. */
export type WrittenMail =
  | { to: string; message: Message }
  | Extract<Outcome, { state: 'too soon' | 'no recipient' | 'cancelled' }>
  | { state: 'lease lost' }

/** One function for each kind of mail. It runs right before the mail is sent, so links in mails are minted then. */
export type MailWriters = { [Kind in MailKind]: (mail: ClaimedMail<Kind>) => Promise<WrittenMail> }

/** What every writer uses. */
export type WriterContext = { db: Database; render: RenderMail } & Pick<Config, 'publicUrl' | 'defaultLocale'>

/**
 * Returns the language of the account, or else the one of the request that caused the mail, or else the default. Warnings
 * use the account's `warningLocale`.
 */
export function chooseLocale(
  { defaultLocale }: Pick<WriterContext, 'defaultLocale'>,
  { locale }: Pick<ClaimedMail, 'locale'>,
  ofAccount?: string | null,
): string {
  return toLanguage(ofAccount) ?? toLanguage(locale) ?? defaultLocale
}
