import { domainToASCII } from 'node:url'
import type { Config } from '../config/config.ts'
import { wrongField } from '../errors.ts'

/**
 * Returns an email address in the form used for comparison: ASCII letters in lower case, and the domain converted to
 * ASCII by IDNA. Returns undefined for anything that is not exactly one email address, such as a display name, a list
 * or a quoted local part, and for letters that NFKC or case folding would turn into another address (CVE-2019-19844,
 * CVE-2025-13033).
 */
export function canonicalEmail(typed: string): string | undefined {
  // Checked first: the regular expressions and IDNA take superlinear time.
  if (typed.length > 320) return undefined
  const at = typed.lastIndexOf('@')
  const local = typed.slice(0, at)
  const domain = canonicalDomain(typed.slice(at + 1))
  if (at < 1 || !domain || !isLocalPart(local)) return undefined
  const canonical = `${lowerAscii(local)}@${domain}`
  return Buffer.byteLength(local) <= 64 && Buffer.byteLength(canonical) <= 254 ? canonical : undefined
}

/**
 * Returns a name for the mailbox that an email address delivers to, to count mail by: without the tag after a plus sign,
 * and without the dots that Gmail ignores. Different mailboxes may share a name, so it never identifies an account.
 */
export function mailboxOf(email: string): string {
  const [local = '', domain = ''] = (canonicalEmail(email) ?? email).split('@')
  const withoutTag = local.replace(/(?<=.)\+.*/, '')
  return /^(gmail|googlemail)\.com$/.test(domain)
    ? `${withoutTag.replaceAll('.', '')}@gmail.com`
    : `${withoutTag}@${domain}`
}

/** Like `canonicalEmail`, but throws `SchemaValidationError` instead of returning undefined. */
export function requireEmail(typed: string): string {
  const canonical = canonicalEmail(typed)
  if (canonical) return canonical
  const detail = 'must be one email address, such as ada@example.org'
  throw wrongField({ field: 'email', detail, reason: 'not-an-address' })
}

/** Like `requireEmail`, for the email address of a new account or a change. In production it must not be local. */
export function requireNewEmail(typed: string, { production }: Pick<Config, 'production'>): string {
  const canonical = requireEmail(typed)
  if (isRouted(canonical)) {
    const detail = 'must not contain % or !, or begin with - or |'
    throw wrongField({ field: 'email', detail, reason: 'not-an-address' })
  }
  if (production && isLocal(canonical)) {
    const detail = 'must have a domain that exists on the internet'
    throw wrongField({ field: 'email', detail, reason: 'not-an-address' })
  }
  return canonical
}

/**
 * Returns whether a mail server might deliver to another host or to a program: some take "ada%example.com@example.org" and
 * "example.com!ada@example.org" for a route (`allow_percent_hack` and `swap_bangpath` of Postfix, on by default).
 */
export function isRouted(canonical: string): boolean {
  return /^[-|]|[%!].*@/.test(canonical)
}

/**
 * Returns whether the domain means this machine or its network (RFC 6761, 6762 and 8375, and ICANN's `.internal`). A mail
 * server may deliver `root@localhost` to a mailbox of its own.
 */
export function isLocal(canonical: string): boolean {
  return /[@.](localhost|localdomain|local|internal|home\.arpa)$/.test(canonical)
}

function canonicalDomain(domain: string): string | undefined {
  if (!domain.isWellFormed() || /[\s%/\\?#:[\]@]/u.test(domain)) return undefined
  const ascii = domainToASCII(domain)
  const isName = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*[a-z0-9]$/.test(ascii)
  return isName || ascii === 'localhost' ? ascii : undefined
}

/** Checks for a Dot-string of RFC 5321, as extended by RFC 6531. */
function isLocalPart(local: string): boolean {
  if (!/^[^\s.]+(\.[^\s.]+)*$/u.test(local) || !local.isWellFormed()) return false
  if (/["(),:;<>@[\\\]\p{Cc}\p{Zs}\p{Default_Ignorable_Code_Point}]/u.test(local)) return false
  const lower = lowerAscii(local)
  return lower.normalize('NFKC').toLowerCase() === lower
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
