import { hash, verify } from '@node-rs/argon2'
import { verify as verifyBcrypt } from '@node-rs/bcrypt'
import { limitConcurrency } from '../http/concurrency-limit.ts'
import { hashingThreads } from './thread-pool.ts'

/** Argon2id, the library's default, with parameters from the OWASP Password Storage cheat sheet. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** The hash of a random password, verified for unknown accounts so that they take the same time as known ones. */
const dummyHash = '$argon2id$v=19$m=19456,t=2,p=1$ot++IJDrNzCIIUA1MLK1FQ$6cS5FlgT06vakgbJ8GyS4NKc5u9/AeG0+jyFIJZwqVw'

const withHashingLimit = limitConcurrency(
  hashingThreads(),
  'Too many passwords are being checked. Try again in a moment.',
)

/** In code points. */
export const maxPasswordLength = 256

/** Returns the argon2id hash. Throws `ServiceUnavailableError` if too many are waiting. */
export async function hashPassword(password: string): Promise<string> {
  return withHashingLimit(() => hash(password.normalize('NFC'), parameters))
}

/**
 * Returns whether the password matches the hash. Without a hash it does the same work and returns false. Throws
 * `ServiceUnavailableError` if too many are waiting.
 */
export async function verifyPassword(passwordHash: string | null | undefined, password: string): Promise<boolean> {
  if (!isHashable(password)) return false
  const matches = await withHashingLimit(() => matchesHash(passwordHash ?? dummyHash, password))
  return matches && Boolean(passwordHash)
}

/**
 * Returns whether a verified password should be hashed again: a bcrypt hash was imported, or the parameters changed. Not if
 * bcrypt saw only the first 72 bytes of the password: the rest may be a typo.
 */
export function needsRehash(passwordHash: string, password: string): boolean {
  if (passwordHash.startsWith('$2')) return Buffer.byteLength(password) <= 72
  const { memoryCost, timeCost, parallelism } = parameters
  return !passwordHash.startsWith(`$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`)
}

/** Returns whether a password can be hashed in full: bcrypt stops at NUL, and UTF-8 cannot encode a lone surrogate. */
export function isHashable(password: string): boolean {
  const hasText = password.isWellFormed() && !password.includes('\0')
  return hasText && [...password.normalize('NFC')].length <= maxPasswordLength
}

function matchesHash(passwordHash: string, password: string): Promise<boolean> {
  if (passwordHash.startsWith('$2')) return verifyBcrypt(password, passwordHash)
  return verify(passwordHash, password.normalize('NFC'))
}
