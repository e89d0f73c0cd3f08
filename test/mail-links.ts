import { sql } from '../src/database/database.ts'
import { AppError } from '../src/errors.ts'
import { type MovieBag, signUp } from './movie-bag.ts'
import { until } from './service.ts'
import type { ReceivedMail } from './smtp.ts'

/** The pages that one-time links open. */
export type LinkPage = 'reset' | 'not-me' | 'verify' | 'confirm-address' | 'undo-address'

/** Waits until all mail is sent, and returns the newest token for a page that was mailed to an email address. */
export async function mailedToken(bag: MovieBag, page: LinkPage, address: string): Promise<string> {
  await allMailSettled(bag)
  const tokens = mailsTo(bag, address).flatMap((mail) => tokensIn(mail, page))
  const newest = tokens.at(-1)
  if (!newest) throw new Error(`No mail to ${address} has a link to /${page}.`)
  return newest
}

/** Signs a person up who verifies the email address. */
export async function signUpVerified(bag: MovieBag, name: string) {
  const account = await signUp(bag, name)
  await verifyEmail(bag, account)
  return account
}

export async function verifyEmail(bag: MovieBag, { email }: { email: string }): Promise<void> {
  const { status, text } = await bag.request('POST', '/api/auth/verify', {
    token: await mailedToken(bag, 'verify', email),
  })
  if (status !== 200) throw new Error(`${email} could not be verified: ${text}`)
}

/** Waits until all mail is sent, and returns the subjects of those to an email address, without the product's name. */
export async function subjectsTo(bag: MovieBag, address: string): Promise<string[]> {
  await allMailSettled(bag)
  return mailsTo(bag, address).map((mail) => (mail.subject ?? '').replace('[Movie-bag] ', ''))
}

/** Waits until no mail is left to send, and the outcome of each is in the database. */
export async function allMailSettled({ db }: Pick<MovieBag, 'db'>): Promise<void> {
  const isSettled = async () =>
    (await db.query(sql`select id from outbox where closed_at is null limit 1`)).length === 0
  await until(() => isSettled().catch(notYet), 'every mail to be settled')
}

/** A busy machine may keep the database from accepting a connection in time. */
function notYet(error: unknown): false {
  if (error instanceof AppError && error.code === 'ServiceUnavailableError') return false
  throw error
}

export function tokensIn({ text = '' }: ReceivedMail, page: LinkPage): string[] {
  return [...text.matchAll(new RegExp(`/${page}/([a-z2-7]{26})\\s`, 'g'))].map(([, token = '']) => token)
}

function mailsTo({ smtp }: MovieBag, address: string): ReceivedMail[] {
  return [...smtp.verifications, ...smtp.mails].filter((mail) => mail.recipients.includes(address))
}
