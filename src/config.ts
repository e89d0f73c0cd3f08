import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { domainToASCII } from 'node:url'
import ipaddr from 'ipaddr.js'
import ms, { type StringValue } from 'ms'
import addressparser from 'nodemailer/lib/addressparser'
import { readEnvFile } from './env-file.ts'
import { StartError } from './errors.ts'

export type Config = ReturnType<typeof readSettings>['config']

/**
 * Every setting of the service, from the environment and from the file that `ENV_FILE_LOCATION` names (default `.env`);
 * the environment wins, and an empty value counts as unset. Throws a `StartError` of one line that names the setting,
 * its value and what would do.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const { config, names, fileNames } = readSettings(environment)
  const unknown = fileNames.find((name) => !names.includes(name) && name !== 'NODE_ENV')
  if (unknown) throw new StartError(`${unknown} is not a setting of Movie Bag. The settings are ${names.join(', ')}.`)
  checkProduction(config)
  checkMail(config)
  return config
}

/** The names of all settings, in the order of `.env.example`. */
export function settingNames(): string[] {
  return readSettings({}).names
}

function readSettings(environment: NodeJS.ProcessEnv) {
  const file = readEnvFile(environment['ENV_FILE_LOCATION'])
  const values = { ...file, ...Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== '')) }
  const names: string[] = []
  const { optional, required } = settingsReader(values, names)

  const production = values['NODE_ENV'] === 'production'
  const host = required('HOST', '127.0.0.1', anyText)
  const port = required('PORT', '3000', wholeNumber(0, 65_535))
  const config = {
    production,
    host,
    port,
    publicUrl: required('PUBLIC_URL', `http://localhost:${port}`, origin(production)),
    publicUrlIsSet: Boolean(values['PUBLIC_URL']),
    trustProxy: required('TRUST_PROXY', 'off', proxies),
    databaseUrl: optional('DATABASE_URL', postgresUrl),
    dataDir: resolve(required('DATA_DIR', 'data', anyText)),
    jwtSecretKey: optional('JWT_SECRET_KEY', secretKey),
    sessionTtlMs: required('SESSION_TTL', '7 days', duration),
    resetTokenTtlMs: required('RESET_TOKEN_TTL', '24 hours', duration),
    minPasswordLength: required('MIN_PASSWORD_LENGTH', '8', wholeNumber(8, 64)),
    accountPrivacy: required('ACCOUNT_PRIVACY', 'private', oneOf('private', 'reveal')),
    rateLimits: required('RATE_LIMITS', 'on', onOrOff),
    templatesDir: optional('TEMPLATES_DIR', folder),
    defaultLocale: required('DEFAULT_LOCALE', 'en', oneOf('en')),
    logLevel: required('LOG_LEVEL', 'info', oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent')),
    mail: {
      server: optional('MAIL_SERVER', hostName),
      port: optional('MAIL_PORT', wholeNumber(1, 65_535)),
      username: optional('MAIL_USERNAME', anyText),
      password: optional('MAIL_PASSWORD', anyText),
      useTls: required('MAIL_USE_TLS', 'off', onOrOff),
      useSsl: required('MAIL_USE_SSL', 'off', onOrOff),
      defaultSender: required('MAIL_DEFAULT_SENDER', 'support@movie-bag.com', mailbox),
      defaultSenderIsSet: Boolean(values['MAIL_DEFAULT_SENDER']),
      suppressSend: required('MAIL_SUPPRESS_SEND', 'off', onOrOff),
      dkimDomain: optional('MAIL_DKIM_DOMAIN', hostName),
      dkimSelector: optional('MAIL_DKIM_SELECTOR', anyText),
      dkimKey: optional('MAIL_DKIM_KEY_FILE', privateKeyFile),
    },
  }
  return { config, names, fileNames: Object.keys(file) }
}

function checkProduction(config: Config): void {
  if (!config.production) return
  const missing = [
    !config.publicUrlIsSet && 'PUBLIC_URL (the https address that people open)',
    !config.mail.server && 'MAIL_SERVER (the SMTP server that takes the mail)',
    !config.mail.defaultSenderIsSet && 'MAIL_DEFAULT_SENDER (the address that mail comes from)',
    !config.jwtSecretKey && 'JWT_SECRET_KEY (at least 32 random bytes, such as `openssl rand -base64 32` prints)',
  ].filter((name) => name !== false)
  if (missing.length > 0) throw new StartError(`NODE_ENV=production needs ${missing.join(', ')}.`)
}

function checkMail({ mail }: Config): void {
  const wrong = [
    mail.useTls &&
      mail.useSsl &&
      'MAIL_USE_TLS and MAIL_USE_SSL are both on: choose MAIL_USE_TLS for STARTTLS (port 587), MAIL_USE_SSL for TLS from the first byte (port 465).',
    mail.useTls &&
      mail.port === 465 &&
      'MAIL_PORT=465 speaks TLS from the first byte: set MAIL_USE_SSL instead of MAIL_USE_TLS.',
    mail.useSsl &&
      mail.port === 587 &&
      'MAIL_PORT=587 begins in clear and upgrades: set MAIL_USE_TLS instead of MAIL_USE_SSL.',
    mail.username && !mail.password && 'MAIL_USERNAME is set without MAIL_PASSWORD: set both, or neither.',
    mail.password && !mail.username && 'MAIL_PASSWORD is set without MAIL_USERNAME: set both, or neither.',
    mail.username &&
      mail.server &&
      !(mail.useTls || mail.useSsl || isLoopback(mail.server)) &&
      `MAIL_USERNAME and MAIL_PASSWORD would travel to ${mail.server} unprotected: set MAIL_USE_TLS (port 587) or MAIL_USE_SSL (port 465).`,
    !mail.server &&
      (mail.port || mail.username || mail.useTls || mail.useSsl) &&
      'MAIL_SERVER is missing while other settings of the mail server are given: set it to the name of your SMTP server.',
    new Set([mail.dkimDomain === undefined, mail.dkimSelector === undefined, mail.dkimKey === undefined]).size > 1 &&
      'MAIL_DKIM_DOMAIN, MAIL_DKIM_SELECTOR and MAIL_DKIM_KEY_FILE belong together: set all three, or none.',
  ].find((problem) => typeof problem === 'string')
  if (wrong) throw new StartError(wrong)
}

/** Whether a host name or address means this machine. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback'
}

/** How to read one kind of value: `parse` answers undefined for a text that is none. */
type Kind<T> = { expects: string; parse: (text: string) => T | undefined }

function settingsReader(values: NodeJS.ProcessEnv, names: string[]) {
  function optional<T>(name: string, kind: Kind<T>): T | undefined {
    names.push(name)
    const text = values[name]
    return text ? parsed(name, text, kind) : undefined
  }
  function required<T>(name: string, fallback: string, kind: Kind<T>): T {
    names.push(name)
    return parsed(name, values[name] || fallback, kind)
  }
  return { optional, required }
}

function parsed<T>(name: string, text: string, { expects, parse }: Kind<T>): T {
  const value = parse(text)
  if (value !== undefined) return value
  const shown = /SECRET|PASSWORD|DATABASE_URL/.test(name) ? '(not shown)' : JSON.stringify(text)
  throw new StartError(`${name} is ${shown}; it takes ${expects}.`)
}

const anyText: Kind<string> = { expects: 'a text', parse: (text) => text }

function oneOf<const T extends string>(...choices: T[]): Kind<T> {
  return { expects: choices.join(' or '), parse: (text) => choices.find((choice) => choice === text) }
}

const onOrOff: Kind<boolean> = {
  expects: 'on or off (true and false, yes and no, 1 and 0 also do)',
  parse: (text) => {
    if (/^(on|true|yes|1)$/i.test(text)) return true
    return /^(off|false|no|0)$/i.test(text) ? false : undefined
  },
}

function wholeNumber(least: number, most: number): Kind<number> {
  return {
    expects: `a whole number from ${least} to ${most}`,
    parse: (text) =>
      /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined,
  }
}

const duration: Kind<number> = {
  expects: 'a length of time such as 90s, 30m, 24h or "7 days" (a bare number means seconds), up to a year',
  parse: (text) => {
    const length = /^\d+$/.test(text) ? Number(text) * 1000 : durationMs(text)
    return length !== undefined && length >= 1000 && length <= 365.25 * 86_400_000 ? length : undefined
  },
}

function durationMs(text: string): number | undefined {
  const isDuration = (value: string): value is StringValue => /^\d{1,9}(\.\d+)? ?[a-z]+$/i.test(value)
  const length = isDuration(text) ? ms(text) : Number.NaN
  return Number.isFinite(length) ? length : undefined
}

function origin(production: boolean): Kind<string> {
  const expects = production
    ? 'the https origin that people open, such as https://movies.example.org (http only for localhost), without a path'
    : 'the origin that people open, such as http://localhost:3000 or https://movies.example.org, without a path'
  return {
    expects,
    parse: (text) => {
      const url = URL.parse(text)
      if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return undefined
      if (url.pathname !== '/' || url.search || url.hash) return undefined
      const local = isLoopback(url.hostname.replace(/^\[|\]$/g, ''))
      return production && url.protocol === 'http:' && !local ? undefined : url.origin
    },
  }
}

const postgresUrl: Kind<string> = {
  expects: 'the address of a PostgreSQL database, such as postgres://user:password@host:5432/movie_bag',
  parse: (text) => (/^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? '') ? text : undefined),
}

/** Keys that were printed in tutorials, and with which anybody could sign an access token. */
const publishedKeys = ['t1NP63m4wnBg6nyHYKfmc2TpCOGI4nss']

const secretKey: Kind<string> = {
  expects:
    'at least 32 bytes that nobody else knows, such as `openssl rand -base64 32` prints, and none from a tutorial',
  parse: (text) => (Buffer.byteLength(text) >= 32 && !publishedKeys.includes(text) ? text : undefined),
}

const proxies: Kind<false | number | string[]> = {
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
  return (
    ['loopback', 'linklocal', 'uniquelocal'].includes(address) || ipaddr.isValid(address) || ipaddr.isValidCIDR(address)
  )
}

const hostName: Kind<string> = {
  expects: 'the name or address of a host, such as smtp.example.org, without a scheme or port',
  parse: (text) =>
    ipaddr.isValid(text) || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(domainToASCII(text)) ? text : undefined,
}

const mailbox: Kind<{ name: string; address: string }> = {
  expects: 'one e-mail address, such as support@example.org or "Movie Bag <support@example.org>"',
  parse: (text) => {
    const [first, second] = addressparser(text, { flatten: true })
    return first && !second && /^[^@\s]+@[^@\s]+$/.test(first.address)
      ? { name: first.name, address: first.address }
      : undefined
  },
}

const folder: Kind<string> = {
  expects: 'a folder that exists',
  parse: (text) => (statSync(text, { throwIfNoEntry: false })?.isDirectory() ? resolve(text) : undefined),
}

const privateKeyFile: Kind<string> = {
  expects: 'a file that holds a private key in PEM form and that this user may read',
  parse: (text) => {
    if (!statSync(text, { throwIfNoEntry: false })?.isFile()) return undefined
    const key = readFileSync(text, 'utf8')
    return key.includes('PRIVATE KEY-----') ? key : undefined
  },
}
