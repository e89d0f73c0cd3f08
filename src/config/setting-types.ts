import { createPrivateKey } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { domainToASCII } from 'node:url'
import ipaddr from 'ipaddr.js'
import ms, { type StringValue } from 'ms'
import addressparser from 'nodemailer/lib/addressparser'

/**
 * How to read one kind of value: `expects` ends the sentence "it takes ..", and `parse` answers undefined for a text
 * that will not do. A secret one is not shown when it is wrong.
 */
export type Kind<T> = { expects: string; isSecret?: true; parse: (text: string) => T | undefined }

export const anyText: Kind<string> = { expects: 'a text', parse: (text) => text }

export function oneOf<const T extends string>(...choices: T[]): Kind<T> {
  return { expects: `one of ${choices.join(', ')}`, parse: (text) => choices.find((choice) => choice === text) }
}

export const onOrOff: Kind<boolean> = {
  expects: 'on or off (true and false, yes and no, 1 and 0 also do)',
  parse: (text) => {
    if (/^(on|true|yes|1)$/i.test(text)) return true
    return /^(off|false|no|0)$/i.test(text) ? false : undefined
  },
}

export function wholeNumber(least: number, most: number): Kind<number> {
  return {
    expects: `a whole number from ${least} to ${most}`,
    parse: (text) =>
      /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined,
  }
}

/** In milliseconds. */
export const duration: Kind<number> = {
  expects: 'a length of time from 1s to a year, such as 90s, 30m, 24h or "7 days" (a bare number means seconds)',
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

export function origin({ httpsOnly }: { httpsOnly: boolean }): Kind<string> {
  return {
    expects: httpsOnly
      ? 'the https address that people open, such as https://movies.example.org (http only for localhost), without a path'
      : 'the address that people open, such as http://localhost:3000 or https://movies.example.org, without a path',
    parse: (text) => {
      const url = URL.parse(text)
      if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return undefined
      if (url.pathname !== '/' || url.search || url.hash) return undefined
      return httpsOnly && url.protocol === 'http:' && !isLoopback(url.hostname) ? undefined : url.origin
    },
  }
}

/** Whether a host name or address, also one in brackets as URLs have it, means this machine. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const address = host.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

export const postgresUrl: Kind<string> = {
  expects:
    'the address of a PostgreSQL database, such as postgres://user:password@host:5432/movie_bag (in a password, write %40 for @, %3A for :, %2F for /, %23 for #)',
  isSecret: true,
  parse: (text) => {
    const url = URL.parse(text)
    return url && /^postgres(ql)?:$/.test(url.protocol) ? text : undefined
  },
}

/** Keys that were printed in tutorials, and with which anybody could sign an access token. */
const publishedKeys = ['t1NP63m4wnBg6nyHYKfmc2TpCOGI4nss']

export const secretKey: Kind<string> = {
  expects:
    'at least 32 bytes that nobody else knows, such as `openssl rand -base64 32` prints, and none from a tutorial',
  isSecret: true,
  parse: (text) => (Buffer.byteLength(text) >= 32 && !publishedKeys.includes(text) ? text : undefined),
}

export const proxies: Kind<false | number | string[]> = {
  expects:
    'off, on (one proxy stands in front), the number of proxies in front, or their addresses separated by commas, such as 10.0.0.1, 192.168.0.0/16 or loopback',
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

export function hostName(example: string): Kind<string> {
  return {
    expects: `the name or address of a host, such as ${example}, without a scheme or port`,
    parse: (text) =>
      ipaddr.isValid(text) || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(domainToASCII(text)) ? text : undefined,
  }
}

export const mailbox: Kind<{ name: string; address: string }> = {
  expects: 'one e-mail address, such as support@example.org or "Movie Bag <support@example.org>"',
  parse: (text) => {
    const [first, second] = addressparser(text, { flatten: true })
    return first && !second && /^[^@\s]+@[^@\s]+$/.test(first.address)
      ? { name: first.name, address: first.address }
      : undefined
  },
}

export const folder: Kind<string> = {
  expects: 'a folder that exists',
  parse: (text) => (statSync(text, { throwIfNoEntry: false })?.isDirectory() ? resolve(text) : undefined),
}

/** RSA alone: it is what nodemailer signs with, and what every receiver can check. */
export const rsaKeyFile: Kind<string> = {
  expects: 'a file that this user may read and that holds an RSA private key in PEM form, without a passphrase',
  parse: (file) => {
    try {
      const pem = readFileSync(file, 'utf8')
      return createPrivateKey(pem).asymmetricKeyType === 'rsa' ? pem : undefined
    } catch {
      return undefined
    }
  },
}
