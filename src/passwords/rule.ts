import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type FieldError, wrongField } from '../errors.ts'
import { isHashable, maxPasswordLength } from './hashing.ts'

type Rule = { email: string; minLength: number }

/**
 * Throws `SchemaValidationError` if a new password breaks the rule (NIST SP 800-63B-4, 3.1.1.2). Length is counted in
 * code points after NFC normalization. Common passwords are refused, and so are the account's email address, its local
 * part and the product's name, also with digits and signs added (ASVS 5.0 6.2.4 and 6.2.11).
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
  const letters = onlyLetters(lower)
  const [local = ''] = email.split('@')
  if (letters && (letters === onlyLetters(email) || letters === onlyLetters(local)))
    return { detail: 'must not be the email address', reason: 'is-the-address' }
  if (letters === 'moviebag') {
    return { detail: 'must not be the name of this service', reason: 'is-the-service' }
  }
  return undefined
}

function onlyLetters(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}]/gu, '')
}

let common: Set<string> | undefined

/** Common passwords that are long enough for any setting of the minimum, about 18,000, read on first use. */
function commonPasswords(): Set<string> {
  common ??= new Set(readCommonPasswords())
  return common
}

function readCommonPasswords(): string[] {
  const file = fileURLToPath(import.meta.resolve('@zxcvbn-ts/language-common/src/passwords.json'))
  const list: string[] = JSON.parse(readFileSync(file, 'utf8'))
  return list.filter((password) => password.length >= 8)
}
