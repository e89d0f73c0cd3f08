import { signUpVerified } from './mail-links.ts'
import { logIn, type MovieBag, signUp } from './movie-bag.ts'
import type { ReceivedMail } from './smtp.ts'
import { passTime } from './time.ts'
import { findPath } from './tour.ts'

/** Every mail that Movie Bag sends, as it arrives, by its kind. The bag needs `UNKNOWN_ADDRESS_MAIL=on`. */
export async function everyMail(bag: MovieBag): Promise<Record<string, ReceivedMail>> {
  const { smtp, request } = bag
  const zoe = await signUpVerified(bag, 'zoe')
  const moved = 'zoe@example.net'
  const session = await logIn(bag, zoe)
  await logIn(bag, zoe)
  await request('POST', '/api/auth/forgot', { email: zoe.email })
  await request('POST', '/api/auth/forgot', { email: 'nobody@example.net' })
  const reset = await mailAbout(bag, zoe.email, /Reset Your Password/)

  const fresh = 'the second password of zoe'
  await request('PUT', '/api/auth/password', { current_password: zoe.password, new_password: fresh }, session)
  await request('POST', '/api/auth/email', { email: moved, password: fresh }, session)
  const confirmation = await smtp.mailTo(moved)
  const token = findPath(confirmation, '/confirm-address/').split('/').at(-1)
  await request('POST', '/api/auth/email/confirm', { token })
  const changed = await mailAbout(bag, zoe.email, /Email address changed/)
  await request('DELETE', '/api/auth/account', { password: fresh, movies: 'keep' }, session)

  const yara = await signUp(bag, 'yara')
  await request('POST', '/api/auth/forgot', { email: yara.email })
  const reset_token = await smtp.tokenFor(yara.email)
  await request('POST', '/api/auth/reset', { reset_token, password: fresh })
  const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1'
  await request('POST', '/api/auth/login', { email: yara.email, password: fresh })
  await request('POST', '/api/auth/login', { email: yara.email, password: fresh }, { 'user-agent': phone })

  for (let attempt = 1; attempt <= 15; attempt += 1) {
    await passTime(bag, '5 seconds')
    await request('POST', '/api/auth/login', { email: yara.email, password: 'a wrong password' })
  }

  return {
    'wrong-passwords': await mailAbout(bag, yara.email, /Failed logins/),
    'verify-address': await smtp.verificationTo(zoe.email),
    'reset-password': reset,
    'password-reset-successful': await mailAbout(bag, yara.email, /Password reset successful/),
    'password-changed': await mailAbout(bag, zoe.email, /Password changed/),
    'new-device': await mailAbout(bag, yara.email, /New login/),
    'confirm-address': confirmation,
    'address-changed': changed,
    'account-deleted': await mailAbout(bag, moved, /Account deleted/),
    'no-account': await smtp.mailTo('nobody@example.net'),
  }
}

async function mailAbout({ smtp }: MovieBag, address: string, subject: RegExp): Promise<ReceivedMail> {
  for (let order = 1; ; order += 1) {
    const mail = await smtp.mailTo(address, order)
    if (subject.test(mail.subject ?? '')) return mail
  }
}
