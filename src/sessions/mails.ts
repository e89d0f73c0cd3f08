import { findAccountByEmail } from '../accounts/account.ts'
import { recipientLimit } from '../accounts/mail-limits.ts'
import type { ClaimedMail } from '../mail/mail.ts'
import { chooseLocale, type WriterContext, type WrittenMail } from '../mail/write.ts'

/** How often the owner gets the mail about wrong passwords. */
const wrongPasswordsMailLimit = { name: 'wrong-passwords-mails', points: 1, seconds: 86_400 }

/** To the owner of an account for which many wrong passwords were entered, with the way to a new one. */
export async function writeWrongPasswords(
  context: WriterContext,
  mail: ClaimedMail<'wrong-passwords'>,
): Promise<WrittenMail> {
  const { db, render, publicUrl } = context
  const account = await findAccountByEmail(db, mail.email)
  if (!account) return { state: 'no recipient' }
  const { email } = account
  if (!(await recipientLimit(db, wrongPasswordsMailLimit)(mail, email))) return { state: 'too soon' }
  const values = { url: `${publicUrl}/forgot`, email }
  return { to: email, message: await render(mail.kind, chooseLocale(context, mail, account), values) }
}
