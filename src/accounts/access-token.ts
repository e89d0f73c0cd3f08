import { webcrypto } from 'node:crypto'
import { SignJWT } from 'jose/jwt/sign'
import { jwtVerify } from 'jose/jwt/verify'

/** The key that signs access tokens. */
export type TokenKey = webcrypto.CryptoKey

export function tokenKey(secret: string): Promise<TokenKey> {
  const usages: webcrypto.KeyUsage[] = ['sign', 'verify']
  return webcrypto.subtle.importKey('raw', Buffer.from(secret), { name: 'HMAC', hash: 'SHA-256' }, false, usages)
}

/** A JWT that names a session. The session's row decides whether it still holds. */
export function signAccessToken(key: TokenKey, session: { id: string; accountId: string; expiresAt: Date }) {
  return new SignJWT({ sid: session.id })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
    .setIssuer('movie-bag')
    .setAudience('movie-bag')
    .setSubject(session.accountId)
    .setIssuedAt()
    .setExpirationTime(session.expiresAt)
    .sign(key)
}

/** The id of the session that a token names; undefined where it is not ours, not of this kind, or past (RFC 8725). */
export async function sessionIdIn(key: TokenKey, token: string): Promise<string | undefined> {
  const verified = await jwtVerify(token, key, {
    algorithms: ['HS256'],
    typ: 'at+jwt',
    issuer: 'movie-bag',
    audience: 'movie-bag',
    requiredClaims: ['sub', 'sid', 'exp', 'iat'],
  }).catch(() => undefined)
  const id = verified?.payload['sid']
  return typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined
}
