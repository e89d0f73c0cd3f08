import { createHash, randomBytes } from 'node:crypto'

/** 130 random bits in letters and digits that survive every mail program. */
export function newToken(): string {
  const symbols = 'abcdefghijklmnopqrstuvwxyz234567'
  return Array.from(randomBytes(26), (byte) => symbols[byte % symbols.length]).join('')
}

/**
 * The token in what came back from a mail program, which may have appended a full stop, a bracket or a piece of markup.
 * Letters or digits behind it would make it another token, so they are not forgiven.
 */
export function parseToken(typed: string): string | undefined {
  return /^[\s<("']*([a-z2-7]{26})(?![\p{L}\p{N}])/iu.exec(typed.slice(0, 100))?.[1]?.toLowerCase()
}

/** What is kept of a token. It has so many random bits that a fast hash will do. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
