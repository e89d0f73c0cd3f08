import { webcrypto } from 'node:crypto'
import { SignJWT } from 'jose/jwt/sign'
import { jwtVerify } from 'jose/jwt/verify'

/** The key that signs access tokens. */
export type TokenKey = webcrypto.CryptoKey

export function tokenKey(secret: string): Promise<TokenKey> {
  const usages: webcrypto.KeyUsage[] = ['sign', 'verify']
  return webcrypto.subtle.importKey('raw', Buffer.from(secret), { name: 'HMAC', hash: 'SHA-256' }, false, usages)
}

type SignedSession = { id: string; accountId: string; beganAt: Date; expiresAt: Date }

/** A JWT that names a session. The session's row decides whether it still holds. */
export function signAccessToken(key: TokenKey, session: SignedSession) {
  return new SignJWT({ sid: session.id })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
    .setIssuer('movie-bag')
    .setAudience('movie-bag')
    .setSubject(session.accountId)
    .setIssuedAt(session.beganAt)
    .setExpirationTime(session.expiresAt)
    .sign(key)
}

/**
 * The session that a token names, and until when, in seconds; undefined where it is not ours or not of this kind
 * (RFC 8725). Whether it is past is for the database's clock to say, which is the same for all processes.
 */
export async function sessionIn(key: TokenKey, token: string): Promise<{ id: string; until: number } | undefined> {
  const verified = await jwtVerify(token, key, {
    algorithms: ['HS256'],
    typ: 'at+jwt',
    issuer: 'movie-bag',
    audience: 'movie-bag',
    requiredClaims: ['sub', 'sid', 'exp', 'iat'],
    currentDate: new Date(0),
  }).catch(() => undefined)
  const { sid: id, exp: until } = verified?.payload ?? {}
  const isId = typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
  return isId && until !== undefined ? { id, until } : undefined
}
