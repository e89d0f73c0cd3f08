import { resolve } from 'node:path'
import { StartError } from '../errors.ts'
import { languages } from '../i18n/languages.ts'
import {
  checkEncryption,
  checkMail,
  checkProduction,
  rejectUnknownSettings,
  warnAboutQuotes,
  warnAboutUnknown,
} from './checks.ts'
import { readEnvFile } from './env-file.ts'
import { readSecretFiles, secretFileNames, warnAboutReadable } from './secret-files.ts'
import {
  anyText,
  breachedList,
  contact,
  duration,
  folder,
  hostName,
  mailbox,
  oneOf,
  onOrOff,
  origin,
  postgresUrl,
  proxies,
  rsaKeyFile,
  type SettingType,
  secretKey,
  someOf,
  wholeNumber,
  words,
} from './setting-types.ts'

/** `warnings` are sentences to log. */
export type Config = ReturnType<typeof readSettings>['config'] & { warnings: string[] }

/**
 * Reads every setting from the environment and from the file that `ENV_FILE_LOCATION` names, `.env` by default. The
 * environment wins, an empty value counts as unset, and secrets may be in files of their own. Throws a one-line `StartError` that names the setting, its value
 * and what it accepts.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const file = readEnvFile(environment['ENV_FILE_LOCATION'])
  // Tools that read a value from a file pass on the line break at its end.
  const lines = Object.entries(environment).map(([name, value]) => [name, value?.replace(/\r?\n$/, '')] as const)
  const given = lines.filter(([, value]) => value !== '')
  const { config, names } = readSettings(readSecretFiles({ ...file, ...Object.fromEntries(given) }))
  const knownNames = [...names, ...secretFileNames()]
  rejectUnknownSettings(Object.keys(file), knownNames)
  checkProduction(config)
  checkMail(config)
  checkEncryption(config)
  const warnings = [
    ...warnAboutUnknown(Object.keys(environment), knownNames),
    ...warnAboutQuotes(Object.fromEntries(given), names),
    ...warnAboutReadable(environment['ENV_FILE_LOCATION'] || '.env', file),
  ]
  return { ...config, warnings }
}

/** Returns the names of all settings, in the order of `.env.example`. */
export function settingNames(): string[] {
  return readSettings({}).names
}

function readSettings(values: NodeJS.Dict<string>) {
  const names: string[] = []
  const { optional, required } = settingsReader(values, names)

  const production = required('NODE_ENV', 'development', oneOf('development', 'test', 'production')) === 'production'
  const host = required('HOST', '127.0.0.1', hostName('127.0.0.1, or 0.0.0.0 for all networks'))
  const port = required('PORT', '3000', wholeNumber(1, 65_535))
  const config = {
    production,
    host,
    port,
    publicUrl: required('PUBLIC_URL', `http://localhost:${port}`, origin({ httpsOnly: production })),
    publicUrlIsSet: Boolean(values['PUBLIC_URL']),
    trustProxy: required('TRUST_PROXY', 'off', proxies),
    databaseUrl: required('DATABASE_URL', 'embedded', postgresUrl),
    databaseUrlIsSet: Boolean(values['DATABASE_URL']),
    databasePrepare: required('DATABASE_PREPARE', 'on', onOrOff),
    allowPlaintext: optional('ALLOW_PLAINTEXT', someOf('database', 'mail')) ?? [],
    dataDir: resolve(required('DATA_DIR', 'data', anyText)),
    jwtSecretKey: optional('JWT_SECRET_KEY', secretKey),
    jwtSecretKeyOld: optional('JWT_SECRET_KEY_OLD', secretKey),
    sessionTtlMs: required('SESSION_TTL', '7 days', duration),
    sessionIdleTtlMs: required('SESSION_IDLE_TTL', '7 days', duration),
    resetTokenTtlMs: required('RESET_TOKEN_TTL', '24 hours', duration),
    minPasswordLength: required('MIN_PASSWORD_LENGTH', '8', wholeNumber(8, 64)),
    passwordWords: optional('PASSWORD_WORDS', words) ?? [],
    breachedPasswords: optional('BREACHED_PASSWORDS', breachedList),
    signUp: required('SIGN_UP', 'open', oneOf('open', 'closed')),
    accountPrivacy: required('ACCOUNT_PRIVACY', 'private', oneOf('private', 'reveal')),
    requireVerifiedEmail: required('REQUIRE_VERIFIED_EMAIL', 'off', onOrOff),
    unknownAddressMail: required('UNKNOWN_ADDRESS_MAIL', 'off', onOrOff),
    maxMovies: required('MAX_MOVIES', '10000', wholeNumber(1, 100_000_000)),
    maxStorageBytes: required('MAX_STORAGE_MB', '200', wholeNumber(1, 10_000_000)) * 1_000_000,
    rateLimits: required('RATE_LIMITS', 'on', onOrOff),
    securityContact: optional('SECURITY_CONTACT', contact),
    hstsIncludeSubdomains: required('HSTS_INCLUDE_SUBDOMAINS', 'off', onOrOff),
    apiReference: required('API_REFERENCE', production ? 'off' : 'on', onOrOff),
    templatesDir: optional('TEMPLATES_DIR', folder),
    defaultLocale: required('DEFAULT_LOCALE', 'en', oneOf(...languages)),
    logLevel: required('LOG_LEVEL', 'info', oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent')),
    mail: {
      server: optional('MAIL_SERVER', hostName('smtp.example.org')),
      port: optional('MAIL_PORT', wholeNumber(1, 65_535)),
      username: optional('MAIL_USERNAME', anyText),
      password: optional('MAIL_PASSWORD', anyText),
      useTls: required('MAIL_USE_TLS', 'off', onOrOff),
      useSsl: required('MAIL_USE_SSL', 'off', onOrOff),
      defaultSender: required('MAIL_DEFAULT_SENDER', 'support@movie-bag.com', mailbox),
      defaultSenderIsSet: Boolean(values['MAIL_DEFAULT_SENDER']),
      suppressSend: required('MAIL_SUPPRESS_SEND', 'off', onOrOff),
      dkimDomain: optional('MAIL_DKIM_DOMAIN', hostName('example.org')),
      dkimSelector: optional('MAIL_DKIM_SELECTOR', anyText),
      dkimKey: optional('MAIL_DKIM_KEY_FILE', rsaKeyFile),
    },
  }
  return { config, names }
}

function settingsReader(values: NodeJS.Dict<string>, names: string[]) {
  function optional<T>(name: string, kind: SettingType<T>): T | undefined {
    names.push(name)
    const text = values[name]
    return text ? parseSetting(name, text, kind) : undefined
  }
  function required<T>(name: string, fallback: string, kind: SettingType<T>): T {
    names.push(name)
    return parseSetting(name, values[name] || fallback, kind)
  }
  return { optional, required }
}

function parseSetting<T>(name: string, text: string, { expects, isSecret, parse }: SettingType<T>): T {
  const value = parse(text)
  if (value !== undefined) return value
  const problem = isSecret ? `${name} is invalid (value not shown)` : `${name} is ${JSON.stringify(text)}`
  throw new StartError(`${problem}. It must be ${expects}.`)
}
