import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { hash, verify } from '@node-rs/argon2'
import { verify as verifyBcrypt } from '@node-rs/bcrypt'
import { type FieldError, wrongField } from '../errors.ts'
import { limitConcurrency } from '../http/concurrency-limit.ts'

/** Argon2id, the default of the library, with the parameters of OWASP's Password Storage cheat sheet. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Of a password that nobody knows: an account that does not exist costs the same work as one that does. */
const dummyHash = '$argon2id$v=19$m=19456,t=2,p=1$ot++IJDrNzCIIUA1MLK1FQ$6cS5FlgT06vakgbJ8GyS4NKc5u9/AeG0+jyFIJZwqVw'

const longest = 256

/** Hashing is made to be slow: more at once than there are cores would only take longer. */
const withHashingLimit = limitConcurrency(
  availableParallelism(),
  'Too many passwords are being checked. Try again in a moment.',
)

/**
 * Throws `SchemaValidationError` with the reason where the password will not do: its length in code points of NFC, one
 * that everybody tries first, the account's own address, the product's name (NIST SP 800-63B-4, 3.1.1.2).
 */
export function checkPassword(password: string, rule: { email: string; minLength: number }, field = 'password'): void {
  const fault = ruleViolation(password.normalize('NFC'), rule)
  if (fault) throw wrongField({ field, ...fault })
}

/** The argon2id hash. Throws `ServiceUnavailableError` where too many wait for theirs. */
export async function hashPassword(password: string): Promise<string> {
  return withHashingLimit(() => hash(password.normalize('NFC'), parameters))
}

/**
 * Whether the password is the one behind the hash. Without a hash the answer is no, after the same work. Throws
 * `ServiceUnavailableError` where too many wait for theirs.
 */
export async function verifyPassword(passwordHash: string | null | undefined, password: string): Promise<boolean> {
  if (!isHashable(password)) return false
  const matches = await withHashingLimit(() => matchesHash(passwordHash ?? dummyHash, password))
  return matches && Boolean(passwordHash)
}

/** Whether a hash, right as it is, should be replaced by one with today's parameters: a bcrypt hash was imported. */
export function needsRehash(passwordHash: string): boolean {
  const { memoryCost, timeCost, parallelism } = parameters
  return !passwordHash.startsWith(`$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`)
}

function matchesHash(passwordHash: string, password: string): Promise<boolean> {
  if (passwordHash.startsWith('$2')) return verifyBcrypt(password, passwordHash)
  return verify(passwordHash, password.normalize('NFC'))
}

type Fault = Omit<FieldError, 'field'>

function ruleViolation(
  password: string,
  { email, minLength: min }: { email: string; minLength: number },
): Fault | undefined {
  const length = [...password].length
  const lower = password.toLowerCase()
  if (length < min) return { detail: `must have at least ${min} characters`, reason: 'too-short', min }
  if (length > longest) return { detail: `must have at most ${longest} characters`, reason: 'too-long', max: longest }
  if (!isHashable(password)) {
    return { detail: 'must not contain the NUL character or half of a character', reason: 'not-storable' }
  }
  if (commonPasswords().has(lower)) {
    return {
      detail: 'is among the passwords that are tried first: choose one that is your own',
      reason: 'too-common',
    }
  }
  if (lower === email.toLowerCase()) return { detail: 'must not be the e-mail address', reason: 'is-the-address' }
  if (lower.replace(/[^a-z]/g, '') === 'moviebag') {
    return { detail: 'must not be the name of this service', reason: 'is-the-service' }
  }
  return undefined
}

function isHashable(password: string): boolean {
  return password.isWellFormed() && !password.includes('\0') && [...password.normalize('NFC')].length <= longest
}

let common: Set<string> | undefined

/** The 10,000 most common passwords, read when the first one is chosen. */
function commonPasswords(): Set<string> {
  common ??= new Set(readCommonPasswords())
  return common
}

function readCommonPasswords(): string[] {
  const file = fileURLToPath(import.meta.resolve('@zxcvbn-ts/language-common/src/passwords.json'))
  const list: string[] = JSON.parse(readFileSync(file, 'utf8'))
  return list.slice(0, 10_000)
}
