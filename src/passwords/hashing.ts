import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { verify as verifyBcrypt } from '@node-rs/bcrypt'
import { limitConcurrency } from '../http/concurrency-limit.ts'
import { isHashable } from './rule.ts'

/** argon2id, the library's default, with the parameters of OWASP's Password Storage cheat sheet. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** The hash of a discarded random password: checking an account that does not exist costs the same work. */
const dummyHash = '$argon2id$v=19$m=19456,t=2,p=1$ot++IJDrNzCIIUA1MLK1FQ$6cS5FlgT06vakgbJ8GyS4NKc5u9/AeG0+jyFIJZwqVw'

/** Hashing is slow on purpose: more hashes at a time than there are cores would only take longer. */
const withHashingLimit = limitConcurrency(
  availableParallelism(),
  'Too many passwords are being checked. Try again in a moment.',
)

/** Returns the argon2id hash. Throws `ServiceUnavailableError` if too many requests wait for a hash. */
export async function hashPassword(password: string): Promise<string> {
  return withHashingLimit(() => hash(password.normalize('NFC'), parameters))
}

/**
 * Returns whether the hash is that of the password. Without a hash it is false, after the same work. Throws
 * `ServiceUnavailableError` if too many requests wait for a hash.
 */
export async function verifyPassword(passwordHash: string | null | undefined, password: string): Promise<boolean> {
  if (!isHashable(password)) return false
  const matches = await withHashingLimit(() => matchesHash(passwordHash ?? dummyHash, password))
  return matches && Boolean(passwordHash)
}

/** Returns whether a hash has other parameters than today's, as an imported bcrypt hash does. */
export function needsRehash(passwordHash: string): boolean {
  const { memoryCost, timeCost, parallelism } = parameters
  return !passwordHash.startsWith(`$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`)
}

function matchesHash(passwordHash: string, password: string): Promise<boolean> {
  if (passwordHash.startsWith('$2')) return verifyBcrypt(password, passwordHash)
  return verify(passwordHash, password.normalize('NFC'))
}
