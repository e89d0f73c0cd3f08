import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type FieldError, wrongField } from '../errors.ts'

/** In code points of NFC. */
export const longestPassword = 256

type Rule = { email: string; minLength: number }

/**
 * Throws `SchemaValidationError` with the reason if the password breaks the rule (NIST SP 800-63B-4, 3.1.1.2): its length
 * in code points of NFC, a common password, the account's own e-mail address, the product's name.
 */
export function checkPassword(password: string, rule: Rule, field = 'password'): void {
  const violation = ruleViolation(password.normalize('NFC'), rule)
  if (violation) throw wrongField({ field, ...violation })
}

function ruleViolation(password: string, { email, minLength: min }: Rule): Omit<FieldError, 'field'> | undefined {
  const length = [...password].length
  const lower = password.toLowerCase()
  if (length < min) return { detail: `must have at least ${min} characters`, reason: 'too-short', min }
  if (length > longestPassword) {
    return { detail: `must have at most ${longestPassword} characters`, reason: 'too-long', max: longestPassword }
  }
  if (!isHashable(password)) {
    return { detail: 'must not contain NUL or an unpaired surrogate', reason: 'not-storable' }
  }
  if (commonPasswords().has(lower)) {
    return { detail: 'is too common: choose another one', reason: 'too-common' }
  }
  if (lower === email.toLowerCase()) return { detail: 'must not be the e-mail address', reason: 'is-the-address' }
  if (lower.replace(/[^a-z]/g, '') === 'moviebag') {
    return { detail: 'must not be the name of this service', reason: 'is-the-service' }
  }
  return undefined
}

/** Returns whether a password can be hashed at all. One that cannot is wrong for every account. */
export function isHashable(password: string): boolean {
  return password.isWellFormed() && !password.includes('\0') && [...password.normalize('NFC')].length <= longestPassword
}

let common: Set<string> | undefined

/** The 10,000 most common passwords, read when the first password is chosen. */
function commonPasswords(): Set<string> {
  common ??= new Set(readCommonPasswords())
  return common
}

function readCommonPasswords(): string[] {
  const file = fileURLToPath(import.meta.resolve('@zxcvbn-ts/language-common/src/passwords.json'))
  const list: string[] = JSON.parse(readFileSync(file, 'utf8'))
  return list.slice(0, 10_000)
}
