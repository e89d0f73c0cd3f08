import { findAccountByEmail } from '../accounts/account.ts'
import { countMail } from '../accounts/mail-limits.ts'
import type { ClaimedMail } from '../mail/mail.ts'
import { chooseLocale, type WriterContext, type WrittenMail } from '../mail/write.ts'

/** At most one mail about wrong passwords a day. */
const wrongPasswordsMailLimit = { name: 'wrong-passwords-mails', points: 1, seconds: 86_400 }

/** To the owner of an account for which many wrong passwords were entered, with a link to reset the password. */
export async function writeWrongPasswords(
  context: WriterContext,
  mail: ClaimedMail<'wrong-passwords'>,
): Promise<WrittenMail> {
  const { db, render, publicUrl } = context
  const account = await findAccountByEmail(db, mail.email)
  if (!account) return { state: 'no recipient' }
  const { email, isVerified } = account
  if (!(await countMail(db, mail, { email, limit: wrongPasswordsMailLimit }))) return { state: 'too soon' }
  if (!isVerified && !(await countMail(db, mail, { email }))) return { state: 'too soon' }
  const values = { url: `${publicUrl}/forgot`, email }
  return { to: email, message: await render(mail.kind, chooseLocale(context, mail, account.warningLocale), values) }
}
