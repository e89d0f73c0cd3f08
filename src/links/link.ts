import { type Queryable, type Sql, sql, type Transaction } from '../database/database.ts'
import { hashToken, newToken, parseToken } from './token.ts'

/** What a one-time link is for. A token minted for one purpose is not accepted for another. */
export type LinkPurpose =
  | 'reset-password'
  | 'verify-email'
  | 'confirm-email'
  | 'undo-email-change'
  | 'report-request'
  | 'report-change'

/** `email` is the account's current email address. */
export type Link<Purpose extends LinkPurpose = LinkPurpose> = {
  purpose: Purpose
  state: 'live' | 'expired' | 'spent' | 'replaced' | 'revoked'
  endedAt: Date | null
  endedSecondsAgo: number | null
  accountId: string
  email: string
  params: Record<string, string>
}

type NewLink = {
  purpose: LinkPurpose
  accountId: string
  ttlMs: number
  /** The mail that contains the link. Only for purposes whose older links are replaced: see `replaceOlderLinks`. */
  mailId?: string
  params?: Record<string, string>
}

/** Links to the account's current email address: they stop working once the account has another one. */
const purposesBoundToEmail: LinkPurpose[] = ['reset-password', 'verify-email']

/** Creates a link and returns its token. The token is not stored: the database has only its SHA-256 hash. */
export async function mintLink(db: Queryable, link: NewLink): Promise<string> {
  const token = newToken()
  await db.query(sql`
    insert into links (token_hash, purpose, account_id, email_canonical, mail_id, params, expires_at)
    select ${hashToken(token)}, ${link.purpose}, id,
      case when ${purposesBoundToEmail.includes(link.purpose)} then email_canonical end, ${link.mailId ?? null},
      ${link.params ?? {}}, now() + ${link.ttlMs} * interval '1 millisecond'
    from accounts
    where id = ${link.accountId}`)
  return token
}

const columns: Sql = sql`purpose,
  coalesce(ended_as, case when expires_at > now() then 'live' else 'expired' end) as state, ended_at as "endedAt",
  extract(epoch from now() - ended_at)::float8 as "endedSecondsAgo", account_id as "accountId", email, params`

/** Selects links that are not bound to an email address, or are bound to the current one of their account. */
const isForCurrentEmail: Sql = sql`coalesce(links.email_canonical = accounts.email_canonical, true)`

/** Returns the link with this token and one of these purposes, or undefined if there never was one. Changes nothing. */
export async function findLink<Purpose extends LinkPurpose>(
  db: Queryable,
  purposes: Purpose[],
  typed: string,
): Promise<Link<Purpose> | undefined> {
  const token = parseToken(typed)
  if (!token) return undefined
  const [link] = await db.query<Link<Purpose>>(sql`
    select ${columns}
    from links join accounts on accounts.id = account_id
    where token_hash = ${hashToken(token)} and purpose = any(${purposes}) and ${isForCurrentEmail}`)
  return link
}

/**
 * Spends a link and returns it, or undefined if it is not live or another request spent it first. Locks the account's
 * row first, as every change to an account does, to avoid deadlocks.
 */
export async function spendLink(tx: Transaction, purposes: LinkPurpose[], typed: string): Promise<Link | undefined> {
  const token = parseToken(typed)
  if (!token) return undefined
  await tx.query(sql`
    select id from accounts
    where id = (select account_id from links where token_hash = ${hashToken(token)} and purpose = any(${purposes}))
    for update`)
  const [link] = await tx.query<Link>(sql`
    update links set ended_at = now(), ended_as = 'spent'
    from accounts
    where token_hash = ${hashToken(token)} and purpose = any(${purposes}) and accounts.id = account_id
      and ${isForCurrentEmail} and ended_at is null and expires_at > now()
    returning ${columns}`)
  return link
}

/** Revokes the live links of an account that have one of these purposes. */
export async function revokeLinks(tx: Transaction, accountId: string, purposes: LinkPurpose[]): Promise<void> {
  await tx.query(sql`
    update links set ended_at = now(), ended_as = 'revoked'
    where account_id = ${accountId} and purpose = any(${purposes}) and ended_at is null`)
}

/**
 * Ends the account's live links of a purpose, except those of its `keepMails` newest mails. `mailId` counts as the
 * newest mail, even if the clock was set back.
 */
export async function replaceOlderLinks(
  tx: Transaction,
  { accountId, purpose, mailId, keepMails }: Required<Pick<NewLink, 'accountId' | 'purpose' | 'mailId'>> & KeepMails,
): Promise<void> {
  const live = sql`account_id = ${accountId} and purpose = ${purpose} and ended_at is null`
  await tx.query(sql`
    update links set ended_at = now(), ended_as = 'replaced'
    where ${live} and mail_id not in (
      select mail_id from links
      where ${live}
      group by mail_id
      order by mail_id = ${mailId} desc, max(created_at) desc
      limit ${keepMails})`)
}

type KeepMails = { keepMails: number }

/** Returns whether a link of this mail was spent or revoked, in which case the mail need not be sent again. */
export async function hasEndedLink(tx: Transaction, accountId: string, mailId: string): Promise<boolean> {
  const rows = await tx.query(sql`
    select token_hash from links
    where account_id = ${accountId} and mail_id = ${mailId} and ended_as in ('spent', 'revoked')
    limit 1`)
  return rows.length > 0
}
