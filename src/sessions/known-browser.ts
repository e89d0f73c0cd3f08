import { type Queryable, sql, type Transaction } from '../database/database.ts'
import { hashToken, newToken, parseToken } from '../links/token.ts'

// A browser that an account has logged in with keeps a random token in its known-browser cookie (OWASP: device cookies).
// The token grants no access. It tells the owner's browser from all others, so that wrong guesses made elsewhere do not
// slow down the owner.

/** The most known browsers kept per account. The least recently used are dropped. */
export const maxKnownBrowsers = 100

/**
 * Returns the hash of a known-browser cookie's token, as stored in the database, or null if the cookie is missing or
 * malformed.
 */
export function hashKnownBrowser(cookie: string | undefined): Buffer | null {
  const token = parseToken(cookie ?? '')
  return token ? hashToken(token) : null
}

/** Returns whether the account knows the browser whose token has this hash, in hexadecimal. */
export async function isKnownBrowser(db: Queryable, accountId: string, tokenHash: string): Promise<boolean> {
  const known = await db.query(sql`
    select account_id from known_browsers where account_id = ${accountId} and token_hash = decode(${tokenHash}, 'hex')`)
  return known.length > 0
}

/** A browser that logs in: the hash of its token, and the token itself if its cookie has to be set. */
export type Browser = { tokenHash: Buffer; newToken: string | undefined }

/** Returns the browser with this known-browser cookie, or a new one if the cookie is missing or malformed. */
export function identifyBrowser(cookie: string | undefined): Browser {
  const known = hashKnownBrowser(cookie)
  if (known) return { tokenHash: known, newToken: undefined }
  const token = newToken()
  return { tokenHash: hashToken(token), newToken: token }
}

/**
 * Makes a browser known to the account. Runs in the login's transaction: otherwise a reset in between would leave the
 * browser known.
 */
export async function rememberBrowser(tx: Transaction, accountId: string, { tokenHash }: Browser): Promise<void> {
  await Promise.all([
    tx.query(sql`
      insert into known_browsers (account_id, token_hash) values (${accountId}, ${tokenHash})
      on conflict (account_id, token_hash) do update set last_used_at = now()`),
    tx.query(sql`
      delete from known_browsers where account_id = ${accountId} and token_hash in (
        select token_hash from known_browsers where account_id = ${accountId}
        order by last_used_at desc offset ${maxKnownBrowsers})`),
  ])
}

/** Lists when each known browser was last used, most recent first. */
export function listKnownBrowsers(db: Queryable, accountId: string) {
  return db.query<{ last_used_at: Date }>(sql`
    select last_used_at from known_browsers where account_id = ${accountId} order by last_used_at desc`)
}
