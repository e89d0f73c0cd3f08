import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type FieldError, wrongField } from '../errors.ts'
import { isHashable, maxPasswordLength } from './hashing.ts'

type Rule = { email: string; minLength: number }

/**
 * Throws `SchemaValidationError` if a new password breaks the rule (NIST SP 800-63B-4, 3.1.1.2). Length is counted in
 * code points after NFC normalization. Common passwords, the account's email address and the product's name are
 * refused.
 */
export function checkPassword(password: string, rule: Rule, field = 'password'): void {
  const violation = findViolation(password.normalize('NFC'), rule)
  if (violation) throw wrongField({ field, ...violation })
}

type Violation = Omit<FieldError, 'field'>

function findViolation(password: string, { email, minLength: min }: Rule): Violation | undefined {
  const max = maxPasswordLength
  const length = [...password].length
  const lower = password.toLowerCase()
  if (length < min) return { detail: `must have at least ${min} characters`, reason: 'too-short', min }
  if (length > max) return { detail: `must have at most ${max} characters`, reason: 'too-long', max }
  if (!isHashable(password)) {
    return { detail: 'must not contain NUL or an incomplete character', reason: 'not-storable' }
  }
  if (commonPasswords().has(lower)) {
    return { detail: 'is too common; choose another', reason: 'too-common' }
  }
  if (lower === email.toLowerCase()) return { detail: 'must not be the email address', reason: 'is-the-address' }
  if (lower.replace(/[^a-z]/g, '') === 'moviebag') {
    return { detail: 'must not be the name of this service', reason: 'is-the-service' }
  }
  return undefined
}

let common: Set<string> | undefined

/** The 10,000 most common passwords, read on first use. */
function commonPasswords(): Set<string> {
  common ??= new Set(readCommonPasswords())
  return common
}

function readCommonPasswords(): string[] {
  const file = fileURLToPath(import.meta.resolve('@zxcvbn-ts/language-common/src/passwords.json'))
  const list: string[] = JSON.parse(readFileSync(file, 'utf8'))
  return list.slice(0, 10_000)
}
