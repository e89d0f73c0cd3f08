import { createHash, randomBytes } from 'node:crypto'

/** Returns 130 random bits as letters and digits that every mail program leaves intact. */
export function newToken(): string {
  const symbols = 'abcdefghijklmnopqrstuvwxyz234567'
  return Array.from(randomBytes(26), (byte) => symbols[byte % symbols.length]).join('')
}

/**
 * Extracts the token from the end of a link, to which a mail program may have added a full stop, a bracket or markup.
 * Returns undefined if a letter or digit follows, because then it is a different token.
 */
export function parseToken(typed: string): string | undefined {
  return /^[\s<("']*([a-z2-7]{26})(?![\p{L}\p{N}])/iu.exec(typed.slice(0, 100))?.[1]?.toLowerCase()
}

/** Returns the hash that is stored instead of the token. A fast hash is enough, because a token has 130 random bits. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
