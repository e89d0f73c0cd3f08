import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/config.ts'
import { type FieldError, wrongField } from '../errors.ts'
import { breachedPasswords, type IsBreached } from './breached.ts'
import { isHashable, maxPasswordLength } from './hashing.ts'

/** What new passwords must not be. `serviceWords` are letters only, in lower case. */
export type PasswordRule = { minLength: number; serviceWords: string[]; isBreached: IsBreached }

type RuleSettings = Pick<Config, 'minPasswordLength' | 'publicUrl' | 'passwordWords' | 'breachedPasswords'>

/** The words that belong to the service are its name, its host and the parts of that, and `PASSWORD_WORDS`. */
export function passwordRule(config: RuleSettings, options: Parameters<typeof breachedPasswords>[1]): PasswordRule {
  const { hostname } = new URL(config.publicUrl)
  const words = ['movie bag', hostname, ...hostname.split('.'), ...config.passwordWords]
  return {
    minLength: config.minPasswordLength,
    serviceWords: words.map(onlyLetters).filter(Boolean),
    isBreached: breachedPasswords(config.breachedPasswords, options),
  }
}

type NewPassword = { password: string; email: string; field?: string }

/**
 * Throws `SchemaValidationError` if a new password breaks the rule (NIST SP 800-63B-4, 3.1.1.2). Length is counted in
 * code points after NFC normalization. Common and breached passwords are refused, and so are the account's email address,
 * its local part and the words of the service, also with digits and signs added (ASVS 5.0 6.2.4, 6.2.11 and 6.2.12).
 */
export async function checkPassword(rule: PasswordRule, { password, email, field = 'password' }: NewPassword) {
  const normalized = password.normalize('NFC')
  const violation = findViolation(rule, normalized, email)
  if (violation) throw wrongField({ field, ...violation })
  if (await rule.isBreached(normalized)) {
    throw wrongField({ field, detail: 'is known from a data breach; choose another', reason: 'breached' })
  }
}

type Violation = Omit<FieldError, 'field'>

function findViolation(rule: PasswordRule, password: string, email: string): Violation | undefined {
  const { minLength: min, serviceWords } = rule
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
  if (serviceWords.includes(letters)) {
    return { detail: 'must not be the name of this service or a word that goes with it', reason: 'is-the-service' }
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
