import type { Device } from '../i18n/format.ts'

/** What the caller who requested a reset has shown to know. */
export type ResetOrigin = {
  /** The SHA-256 of the known-browser cookie, in hexadecimal. */
  browser?: string
  /** Whether the caller had the link of an earlier mail. */
  link?: boolean
}

/**
 * Every kind of mail, with its recipient and the other values that its text needs, none of which is a secret.
 *
 * `accountId`: it goes to the account's email address. `email`: it goes to this address, which need not have an account.
 */
type Mails = {
  'reset-password': ({ accountId: string } | { email: string }) & { params: ResetOrigin }
  'password-reset-successful': { accountId: string; params: { device: Device } }
  'password-changed': { accountId: string; params: { device: Device } }
  'new-device': { accountId: string; params: { device: Device } }
  /** `email` is canonical, and need not have an account. */
  'wrong-passwords': { email: string }
  'verify-address': { accountId: string }
  'confirm-address': { accountId: string; params: { email: string } }
  /** `change` is the id of the email change. The mail goes to the old address. */
  'address-changed': { accountId: string; params: { change: string; device: Device } }
  /**
   * `until` is the ISO 8601 date on which a closed account will be deleted, or null if the account is already deleted.
   */
  'account-deleted': { email: string; params: { until: string | null; isVerified: boolean } }
}

export type MailKind = keyof Mails

/** A mail to queue. */
export type Mail = { [Kind in MailKind]: { kind: Kind } & Mails[Kind] }[MailKind]

/** A mail that a worker has claimed. Fields that its kind does not have are null. */
export type ClaimedMail<Kind extends MailKind = MailKind> = {
  id: string
  leaseId: string
  kind: Kind
  accountId: Property<Mails[Kind], 'accountId'>
  email: Property<Mails[Kind], 'email'>
  params: Property<Mails[Kind], 'params'>
  /** The language of the request that caused the mail. */
  locale: string | null
  supportCode: string
  attempts: number
  queuedAt: Date
  /** Since the mail was queued. */
  ageSeconds: number
}

type Property<Union, Name extends string> = Union extends Record<Name, infer Value> ? Value : null

/** "no-account" is the template of a "reset-password" mail to an email address without an account. */
export type MailTemplate = MailKind | 'no-account'
