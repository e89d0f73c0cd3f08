import { webcrypto } from 'node:crypto'
import { SignJWT } from 'jose/jwt/sign'
import { jwtVerify } from 'jose/jwt/verify'
import { LRUCache } from 'lru-cache'

/**
 * The key that signs access tokens, and the tokens that it was lately found to have signed: a caller brings the same one
 * with every request, and WebCrypto checks it in another thread, at a quarter of the price of adding a movie.
 */
export type TokenKey = { hmac: webcrypto.CryptoKey; verified: LRUCache<string, TokenContent> }

export async function tokenKey(secret: string): Promise<TokenKey> {
  const usages: webcrypto.KeyUsage[] = ['sign', 'verify']
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const hmac = await webcrypto.subtle.importKey('raw', Buffer.from(secret), algorithm, false, usages)
  return { hmac, verified: new LRUCache({ max: 1000 }) }
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
    .sign(key.hmac)
}

/** Which session, and until when, in seconds. */
type TokenContent = { id: string; until: number }

/**
 * What a token says; undefined where it is not ours or not of this kind (RFC 8725). Whether it is past is for the
 * database's clock to say, which is the same for all processes.
 */
export async function verifyAccessToken(key: TokenKey, token: string): Promise<TokenContent | undefined> {
  const known = key.verified.get(token)
  if (known) return known
  const content = await verify(key, token)
  if (content) key.verified.set(token, content)
  return content
}

async function verify({ hmac }: TokenKey, token: string): Promise<TokenContent | undefined> {
  const verified = await jwtVerify(token, hmac, {
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
