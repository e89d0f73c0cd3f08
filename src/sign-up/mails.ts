import { findAccount } from '../accounts/account.ts'
import { countMail } from '../accounts/mail-limits.ts'
import { mintLink } from '../links/link.ts'
import type { ClaimedMail } from '../mail/mail.ts'
import { chooseLocale, type WriterContext, type WrittenMail } from '../mail/write.ts'

/** To a new account, with the link that verifies its email address. */
export async function writeVerification(
  context: WriterContext,
  mail: ClaimedMail<'verify-address'>,
): Promise<WrittenMail> {
  const { db, render, publicUrl } = context
  const account = await findAccount(db, mail.accountId)
  if (!account) return { state: 'no recipient' }
  const { id: accountId, email, isVerified } = account
  if (isVerified) return { state: 'cancelled' }
  if (!(await countMail(db, mail, { email }))) return { state: 'too soon' }
  const url = `${publicUrl}/verify/${await mintLink(db, { purpose: 'verify-email', accountId, ttlMs: 7 * day })}`
  return { to: email, message: await render(mail.kind, chooseLocale(context, mail, account.locale), { url, email }) }
}

const day = 86_400_000
