import { createPrivateKey } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { domainToASCII } from 'node:url'
import ipaddr from 'ipaddr.js'
import ms, { type StringValue } from 'ms'
import addressparser from 'nodemailer/lib/addressparser'

/**
 * A type of setting. `expects` completes the sentence "It must be …", and `parse` returns undefined if the text is
 * invalid. The value of a secret is not shown in errors.
 */
export type SettingType<T> = { expects: string; isSecret?: true; parse: (text: string) => T | undefined }

export const anyText: SettingType<string> = { expects: 'text', parse: (text) => text }

export function oneOf<const T extends string>(...choices: T[]): SettingType<T> {
  return { expects: `one of ${choices.join(', ')}`, parse: (text) => choices.find((choice) => choice === text) }
}

/** Any number of choices, separated by commas. */
export function someOf<const T extends string>(...choices: T[]): SettingType<T[]> {
  return {
    expects: `one or more of ${choices.join(', ')}, separated by commas`,
    parse: (text) => {
      const given = text.split(',').map((name) => name.trim())
      return given.every((name) => choices.some((choice) => choice === name))
        ? choices.filter((choice) => given.includes(choice))
        : undefined
    },
  }
}

export const onOrOff: SettingType<boolean> = {
  expects: 'on or off (or true or false, yes or no, 1 or 0)',
  parse: (text) => {
    if (/^(on|true|yes|1)$/i.test(text)) return true
    return /^(off|false|no|0)$/i.test(text) ? false : undefined
  },
}

export function wholeNumber(min: number, max: number): SettingType<number> {
  return {
    expects: `a whole number from ${min} to ${max}`,
    parse: (text) => (/^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
  }
}

/** In milliseconds. */
export const duration: SettingType<number> = {
  expects: 'a duration from 1s to a year, such as 90s, 30m, 24h or "7 days" (a plain number means seconds)',
  parse: (text) => {
    const length = /^\d+$/.test(text) ? Number(text) * 1000 : milliseconds(text)
    return length !== undefined && length >= 1000 && length <= 365.25 * 86_400_000 ? length : undefined
  },
}

function milliseconds(text: string): number | undefined {
  const isDuration = (value: string): value is StringValue => /^\d{1,9}(\.\d+)? ?[a-z]+$/i.test(value)
  const length = isDuration(text) ? ms(text) : Number.NaN
  return Number.isFinite(length) ? length : undefined
}

export function origin({ httpsOnly }: { httpsOnly: boolean }): SettingType<string> {
  return {
    expects: httpsOnly
      ? 'the https URL that people open, such as https://movies.example.org (http only for localhost), without a path'
      : 'the URL that people open, such as http://localhost:3000 or https://movies.example.org, without a path',
    parse: (text) => {
      const url = URL.parse(text)
      if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return undefined
      if (url.pathname !== '/' || url.search || url.hash) return undefined
      return httpsOnly && url.protocol === 'http:' && !isLoopback(url.hostname) ? undefined : url.origin
    },
  }
}

/** Returns whether a host name or IP address, in brackets or not, refers to this machine. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const address = host.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

/** The URL of a PostgreSQL database, or `embedded`. */
export const postgresUrl: SettingType<string> = {
  expects:
    'embedded (Movie Bag runs its own PostgreSQL) or the URL of a PostgreSQL database, such as postgres://user:password@host:5432/movie_bag (in a password, write %40 for @, %3A for :, %2F for / and %23 for #)',
  isSecret: true,
  parse: (text) => {
    if (text === 'embedded') return text
    const url = URL.parse(text)
    return url && /^postgres(ql)?:$/.test(url.protocol) ? text : undefined
  },
}

/** Keys published in tutorials, with which anyone could sign access tokens. */
const publishedKeys = ['t1NP63m4wnBg6nyHYKfmc2TpCOGI4nss']

export const secretKey: SettingType<string> = {
  expects: 'at least 32 random bytes, such as the output of `openssl rand -base64 32`, and not a key from a tutorial',
  isSecret: true,
  parse: (text) =>
    Buffer.byteLength(text) >= 32 && isVaried(text) && !publishedKeys.includes(text) ? text : undefined,
}

/** A random text of 32 hexadecimal digits has fewer than 8 different ones once in 28 million times. */
function isVaried(text: string): boolean {
  return new Set(text).size >= 8
}

export const proxies: SettingType<false | number | string[]> = {
  expects:
    'off, on (one proxy), a number of proxies, or their IP addresses separated by commas, such as 10.0.0.1, 192.168.0.0/16 or loopback',
  parse: (text) => {
    if (/^[1-9]$/.test(text)) return Number(text)
    const isOn = onOrOff.parse(text)
    if (isOn !== undefined) return isOn ? 1 : false
    const addresses = text.split(',').map((address) => address.trim())
    return addresses.every(isProxyAddress) ? addresses : undefined
  },
}

function isProxyAddress(address: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(address)) return true
  return ipaddr.isValid(address) || ipaddr.isValidCIDR(address)
}

export function hostName(example: string): SettingType<string> {
  return {
    expects: `a host name or IP address, such as ${example}, without a scheme or port`,
    parse: (text) =>
      ipaddr.isValid(text) || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(domainToASCII(text)) ? text : undefined,
  }
}

export const mailbox: SettingType<{ name: string; address: string }> = {
  expects: 'one email address, such as support@example.org or "Movie Bag <support@example.org>"',
  parse: (text) => {
    const [first, second] = addressparser(text, { flatten: true })
    return first && !second && /^[^@\s]+@[^@\s]+$/.test(first.address)
      ? { name: first.name, address: first.address }
      : undefined
  },
}

export const folder: SettingType<string> = {
  expects: 'an existing folder',
  parse: (text) => (statSync(text, { throwIfNoEntry: false })?.isDirectory() ? resolve(text) : undefined),
}

/** Only RSA: nodemailer signs with it, and every receiver can verify it. */
export const rsaKeyFile: SettingType<string> = {
  expects: 'a readable file with an RSA private key of at least 2048 bits in PEM format, without a passphrase',
  parse: (file) => {
    try {
      const pem = readFileSync(file, 'utf8')
      const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem)
      const isStrong = (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
      return asymmetricKeyType === 'rsa' && isStrong ? pem : undefined
    } catch {
      return undefined
    }
  },
}

/** Words with at least one letter, because passwords are compared by their letters. */
export const words: SettingType<string[]> = {
  expects: 'words separated by commas, such as Acme, Springfield',
  parse: (text) => {
    const list = text.split(',').map((word) => word.trim())
    return list.every((word) => /\p{L}/u.test(word)) ? list : undefined
  },
}

/** The URL that the first digits of a hash are added to, or the path of a file. */
export const breachedList: SettingType<string> = {
  expects:
    'a readable file with the SHA-1 hashes of breached passwords, sorted, one per line, or the URL of a service, such as https://api.pwnedpasswords.com/range/',
  parse: (text) => {
    if (/^https?:/.test(text)) return URL.canParse(text) && text.endsWith('/') ? text : undefined
    return /^[0-9A-F]{40}(:\d+)?\r?\n/i.test(readStart(text)) ? resolve(text) : undefined
  },
}

function readStart(path: string): string {
  try {
    const file = openSync(path, 'r')
    try {
      const buffer = Buffer.alloc(100)
      return buffer.toString('latin1', 0, readSync(file, buffer))
    } finally {
      closeSync(file)
    }
  } catch {
    return ''
  }
}

/** Where to report vulnerabilities, as a URI (RFC 9116). */
export const contact: SettingType<string> = {
  expects: 'an email address or an https URL, such as security@example.org',
  parse: (text) => {
    if (/^https:\/\/\S+$/.test(text) && URL.canParse(text)) return text
    const found = mailbox.parse(text)
    return found && `mailto:${found.address}`
  },
}
