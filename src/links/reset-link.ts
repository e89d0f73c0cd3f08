import { type Queryable, sql, type Transaction } from '../database/database.ts'
import { hashToken, newToken, parseToken } from './token.ts'

// Everything that is known of the links in reset mails is in this file: where a token's hash lies, when it lives and how
// it ends.

export type ResetLink = {
  state: 'live' | 'expired' | 'used' | 'replaced' | 'cancelled'
  endedAt: Date | null
  endedSecondsAgo: number | null
  accountId: string
  email: string
}

/**
 * Makes a link for an account's mail and answers its token, which exists nowhere else: the database keeps its SHA-256.
 * The links of the account's three newest mails live side by side; those of older mails are replaced. The mail that this
 * one is for counts as the newest, whatever the clock says.
 */
export async function mintResetLink(
  tx: Transaction,
  link: { accountId: string; mailId: string; ttlMs: number },
): Promise<string> {
  const token = newToken()
  await tx.query(sql`
    insert into reset_links (token_hash, account_id, email_canonical, mail_id, expires_at)
    select ${hashToken(token)}, id, email_canonical, ${link.mailId}, now() + ${link.ttlMs} * interval '1 millisecond'
    from accounts where id = ${link.accountId}`)
  await tx.query(sql`
    update reset_links set ended_at = now(), ended_as = 'replaced'
    where account_id = ${link.accountId} and ended_at is null and mail_id not in (
      select mail_id from reset_links
      where account_id = ${link.accountId} and ended_at is null
      group by mail_id
      order by mail_id = ${link.mailId} desc, max(created_at) desc
      limit 3)`)
  return token
}

/** Whether a mail that is not sent yet has had links, and they ended: another password was set, or nobody wants one. */
export async function isResetObsolete(tx: Transaction, accountId: string, mailId: string): Promise<boolean> {
  const rows = await tx.query(sql`
    select token_hash from reset_links
    where account_id = ${accountId} and mail_id = ${mailId} and ended_as in ('used', 'cancelled')
    limit 1`)
  return rows.length > 0
}

/**
 * What has become of the link with this token; undefined where there never was one. Changes nothing. A link that was
 * mailed to another address than the account has is none: its page would tell the one to who reads the other.
 */
export async function findResetLink(db: Queryable, typed: string): Promise<ResetLink | undefined> {
  const token = parseToken(typed)
  if (!token) return undefined
  const [link] = await db.query<ResetLink>(sql`
    select coalesce(ended_as, case when expires_at > now() then 'live' else 'expired' end) as state,
      ended_at as "endedAt", extract(epoch from now() - ended_at)::float8 as "endedSecondsAgo", account_id as "accountId", email
    from reset_links join accounts on accounts.id = account_id
    where token_hash = ${hashToken(token)} and purpose = 'reset-password'
      and coalesce(reset_links.email_canonical = accounts.email_canonical, true)`)
  return link
}

/**
 * Uses up a live link, and ends the account's other ones. Answers the account; undefined where the link does not live,
 * or somebody else was faster. The account's row is locked first, as everywhere, so that no two can wait for each other.
 */
export async function spendResetLink(tx: Transaction, typed: string): Promise<{ accountId: string } | undefined> {
  const token = parseToken(typed)
  if (!token) return undefined
  const [account] = await tx.query<{ id: string }>(sql`
    select id from accounts
    where id = (select account_id from reset_links where token_hash = ${hashToken(token)} and purpose = 'reset-password')
    for update`)
  const [spent] = await tx.query<{ accountId: string }>(sql`
    update reset_links set ended_at = now(), ended_as = 'used'
    where token_hash = ${hashToken(token)} and purpose = 'reset-password' and account_id = ${account?.id ?? null}
      and ended_at is null and expires_at > now()
    returning account_id as "accountId"`)
  if (spent) await revokeResetLinks(tx, spent.accountId)
  return spent
}

/** Ends all links of an account that still live. */
export async function revokeResetLinks(tx: Transaction, accountId: string): Promise<void> {
  await tx.query(sql`
    update reset_links set ended_at = now(), ended_as = 'cancelled'
    where account_id = ${accountId} and ended_at is null`)
}
