import { type Queryable, sql, type Transaction } from '../database/database.ts'
import { hashToken, newToken, parseToken } from './token.ts'

/** What the button behind a link in a mail does. A token of one purpose is nothing to another. */
export type LinkPurpose = 'verify-address' | 'confirm-address' | 'undo-address' | 'not-me-request' | 'not-me-change'

export type ActionLink = {
  purpose: LinkPurpose
  state: 'live' | 'expired' | 'used' | 'cancelled'
  endedAt: Date | null
  accountId: string
  params: Record<string, string>
}

type NewLink = { purpose: LinkPurpose; accountId: string; ttlMs: number; params?: Record<string, string> }

/** Makes a link at the moment its mail is written. The token exists nowhere else: the database keeps its SHA-256. */
export async function mintActionLink(db: Queryable, link: NewLink): Promise<string> {
  const token = newToken()
  await db.query(sql`
    insert into action_links (token_hash, purpose, account_id, params, expires_at)
    values (${hashToken(token)}, ${link.purpose}, ${link.accountId}, ${link.params ?? {}},
      now() + ${link.ttlMs} * interval '1 millisecond')`)
  return token
}

/** What has become of the link with this token and one of these purposes. Changes nothing. */
export async function findActionLink(
  db: Queryable,
  purposes: LinkPurpose[],
  typed: string,
): Promise<ActionLink | undefined> {
  const token = parseToken(typed)
  if (!token) return undefined
  const [link] = await db.query<ActionLink>(sql`
    select purpose, coalesce(ended_as, case when expires_at > now() then 'live' else 'expired' end) as state,
      ended_at as "endedAt", account_id as "accountId", params
    from action_links
    where token_hash = ${hashToken(token)} and purpose = any(${purposes})`)
  return link
}

/** Uses up a live link, after locking its account's row; undefined where it does not live any more. */
export async function spendActionLink(
  tx: Transaction,
  purposes: LinkPurpose[],
  typed: string,
): Promise<ActionLink | undefined> {
  const token = parseToken(typed)
  if (!token) return undefined
  await tx.query(sql`
    select id from accounts
    where id = (select account_id from action_links where token_hash = ${hashToken(token)})
    for update`)
  const [link] = await tx.query<ActionLink>(sql`
    update action_links set ended_at = now(), ended_as = 'used'
    where token_hash = ${hashToken(token)} and purpose = any(${purposes}) and ended_at is null and expires_at > now()
    returning purpose, 'live' as state, null as "endedAt", account_id as "accountId", params`)
  return link
}

/** Ends the account's links of these purposes that still live. */
export async function revokeActionLinks(tx: Transaction, accountId: string, purposes: LinkPurpose[]): Promise<void> {
  await tx.query(sql`
    update action_links set ended_at = now(), ended_as = 'cancelled'
    where account_id = ${accountId} and purpose = any(${purposes}) and ended_at is null`)
}
