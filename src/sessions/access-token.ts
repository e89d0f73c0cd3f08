import { webcrypto } from 'node:crypto'
import { SignJWT } from 'jose/jwt/sign'
import { jwtVerify } from 'jose/jwt/verify'
import { LRUCache } from 'lru-cache'
import { isSessionId, type StartedSession } from './session.ts'

/**
 * The key that signs access tokens, and the tokens it has recently verified. Clients send the same token with every
 * request, and verifying it on WebCrypto's thread pool takes a quarter as long as adding a movie.
 */
export type TokenKey = {
  hmac: webcrypto.CryptoKey
  /** Signed the tokens from before a change of the key, and only verifies. */
  old: webcrypto.CryptoKey | undefined
  verified: LRUCache<string, Claims>
}

export async function tokenKey(secret: string, oldSecret?: string): Promise<TokenKey> {
  const hmac = await importKey(secret, ['sign', 'verify'])
  const old = oldSecret === undefined ? undefined : await importKey(oldSecret, ['verify'])
  return { hmac, old, verified: new LRUCache({ max: 1000 }) }
}

function importKey(secret: string, usages: webcrypto.KeyUsage[]): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('raw', Buffer.from(secret), { name: 'HMAC', hash: 'SHA-256' }, false, usages)
}

/** Returns a JWT that identifies a session. The session's row decides whether it is live. */
export function signAccessToken(key: TokenKey, session: StartedSession): Promise<string> {
  return new SignJWT({ sid: session.id })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
    .setIssuer('movie-bag')
    .setAudience('movie-bag')
    .setSubject(session.accountId)
    .setIssuedAt(session.startedAt)
    .setExpirationTime(session.expiresAt)
    .sign(key.hmac)
}

/** `expiresAt` is Unix time, in seconds. */
type Claims = { sessionId: string; expiresAt: number }

/**
 * Returns a token's claims, or undefined if we did not sign it as an access token (RFC 8725). The caller compares
 * `expiresAt` with the database's clock, which all processes share.
 */
export async function verifyAccessToken(key: TokenKey, token: string): Promise<Claims | undefined> {
  const known = key.verified.get(token)
  if (known) return known
  const claims = (await verifySignature(key.hmac, token)) ?? (key.old && (await verifySignature(key.old, token)))
  if (claims) key.verified.set(token, claims)
  return claims
}

async function verifySignature(hmac: webcrypto.CryptoKey, token: string): Promise<Claims | undefined> {
  const verified = await jwtVerify(token, hmac, {
    algorithms: ['HS256'],
    typ: 'at+jwt',
    issuer: 'movie-bag',
    audience: 'movie-bag',
    requiredClaims: ['sub', 'sid', 'exp', 'iat'],
    currentDate: new Date(0),
  }).catch(() => undefined)
  const { sid: sessionId, exp: expiresAt } = verified?.payload ?? {}
  return isSessionId(sessionId) && expiresAt !== undefined ? { sessionId, expiresAt } : undefined
}
