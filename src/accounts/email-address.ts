import { domainToASCII } from 'node:url'
import { wrongField } from '../errors.ts'

/**
 * One e-mail address in the form in which two are compared: ASCII letters in lower case, the domain by IDNA. Undefined
 * for anything that is not exactly one address, or that Unicode could turn into somebody else's: display names, lists,
 * quoted local parts, letters that NFKC or case folding would change (CVE-2019-19844, CVE-2025-13033).
 */
export function canonicalEmail(typed: string): string | undefined {
  // Before anything else looks at it: the time that expressions and IDNA take grows faster than their input.
  if (typed.length > 320) return undefined
  const at = typed.lastIndexOf('@')
  const local = typed.slice(0, at)
  const domain = canonicalDomain(typed.slice(at + 1))
  if (at < 1 || !domain || !isLocalPart(local)) return undefined
  const canonical = `${lowerAscii(local)}@${domain}`
  return Buffer.byteLength(local) <= 64 && Buffer.byteLength(canonical) <= 254 ? canonical : undefined
}

/** Like `canonicalAddress`, but throws `SchemaValidationError`. */
export function requireEmail(typed: string): string {
  const canonical = canonicalEmail(typed)
  if (canonical) return canonical
  const detail = 'must be one e-mail address, such as ada@example.org'
  throw wrongField({ field: 'email', detail, reason: 'not-an-address' })
}

/** The dot-atom of RFC 5321 and RFC 6531. */
function isLocalPart(local: string): boolean {
  if (!/^[^\s.]+(\.[^\s.]+)*$/u.test(local) || !local.isWellFormed()) return false
  if (/["(),:;<>@[\\\]\p{Cc}\p{Zs}\p{Default_Ignorable_Code_Point}]/u.test(local)) return false
  const lower = lowerAscii(local)
  return lower.normalize('NFKC').toLowerCase() === lower
}

function canonicalDomain(domain: string): string | undefined {
  if (!domain.isWellFormed() || /[\s%/\\?#:[\]@]/u.test(domain)) return undefined
  const ascii = domainToASCII(domain)
  const isName = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*[a-z0-9]$/.test(ascii)
  return isName || ascii === 'localhost' ? ascii : undefined
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
