import { describeConnection } from '../database/connect.ts'
import { StartError } from '../errors.ts'
import type { Config } from './config.ts'
import { isSecret } from './secret-files.ts'
import { isLoopback } from './setting-types.ts'
import { closestMatch } from './spelling.ts'

type Settings = Omit<Config, 'warnings'>

/** Throws a `StartError` if the settings file has an unknown name: there it can only be a mistake. */
export function rejectUnknownSettings(fileNames: string[], names: string[]): void {
  const unknown = fileNames.find((name) => !names.includes(name))
  if (!unknown) return
  if (unknown === 'ENV_FILE_LOCATION') {
    throw new StartError('ENV_FILE_LOCATION cannot be set in the file that it names. Set it in the environment.')
  }
  const likely = closestMatch(unknown, names)
  const hint = likely ? `Did you mean ${likely}?` : `The settings are ${names.join(', ')}.`
  throw new StartError(`${unknown} is not a Movie Bag setting. ${hint}`)
}

/** Returns a warning for each environment variable that looks like a misspelt setting; most belong to other programs. */
export function warnAboutUnknown(environmentNames: string[], names: string[]): string[] {
  return environmentNames.flatMap((name) => {
    if (names.includes(name)) return []
    const likely = name.includes('_') ? closestMatch(name, names) : undefined
    if (!likely && !name.startsWith('MAIL_')) return []
    return `${name} in the environment is not a setting of Movie Bag and has no effect.${likely ? ` Did you mean ${likely}?` : ''}`
  })
}

/** Returns a warning for each setting in the environment whose value is in quotes, which `docker --env-file` passes on. */
export function warnAboutQuotes(environment: NodeJS.Dict<string>, names: string[]): string[] {
  return names.flatMap((name) => {
    const value = environment[name]
    if (!value || !/^(["'`]).*\1$/s.test(value)) return []
    const shown = isSecret(name) ? 'begins and ends with a quote' : `is ${value}, with the quotes`
    return `${name} in the environment ${shown}. If they do not belong to it, remove them where it is set.`
  })
}

export function checkProduction(config: Settings): void {
  if (!config.production) return
  const missing = [
    !config.publicUrlIsSet && 'PUBLIC_URL (the https URL that people open)',
    !config.databaseUrlIsSet && 'DATABASE_URL (the URL of a PostgreSQL database, or embedded for the one in DATA_DIR)',
    !config.mail.server && 'MAIL_SERVER (the SMTP server that sends the mail)',
    !config.mail.defaultSenderIsSet && 'MAIL_DEFAULT_SENDER (the sender of all mail)',
    !config.jwtSecretKey &&
      'JWT_SECRET_KEY (at least 32 random bytes, such as the output of `openssl rand -base64 32`)',
  ].filter((name) => name !== false)
  if (missing.length > 0) throw new StartError(`NODE_ENV=production requires ${missing.join(', ')}.`)
}

/**
 * Throws a `StartError` if the connection to the database or to the mail server could be read on the network (ASVS 5.0
 * 12.3.1). Only in production, and only if the server is on another machine and `ALLOW_PLAINTEXT` does not permit it.
 */
export function checkEncryption({ databaseUrl, mail, production, allowPlaintext }: Settings): void {
  const database = databaseUrl === 'embedded' ? undefined : describeConnection(databaseUrl)
  if (!production) return
  if (database && !database.isProtected && !isLoopback(database.host) && !allowPlaintext.includes('database')) {
    throw new StartError(
      `The connection to the database at ${database.host} would not be encrypted with a verified certificate. Add sslmode=verify-full to DATABASE_URL, as in postgres://…/movie_bag?sslmode=verify-full, or set ALLOW_PLAINTEXT=database if you trust the network.`,
    )
  }
  const isProtected = mail.useTls || mail.useSsl || mail.suppressSend
  if (mail.server && !isProtected && !isLoopback(mail.server) && !allowPlaintext.includes('mail')) {
    throw new StartError(
      `Mail with links that reset passwords would be sent to ${mail.server} without TLS. Set MAIL_USE_TLS (port 587) or MAIL_USE_SSL (port 465), or set ALLOW_PLAINTEXT=mail if you trust the network.`,
    )
  }
}

export function checkMail({ mail }: Settings): void {
  const wrong = [
    mail.useTls &&
      mail.useSsl &&
      'MAIL_USE_TLS and MAIL_USE_SSL are both on. Use MAIL_USE_TLS for STARTTLS (port 587), or MAIL_USE_SSL for TLS from the first byte (port 465).',
    mail.useTls &&
      mail.port === 465 &&
      'MAIL_PORT=465 uses TLS from the first byte. Set MAIL_USE_SSL instead of MAIL_USE_TLS.',
    mail.useSsl && mail.port === 587 && 'MAIL_PORT=587 uses STARTTLS. Set MAIL_USE_TLS instead of MAIL_USE_SSL.',
    mail.port === 465 && !mail.useSsl && 'MAIL_PORT=465 uses TLS from the first byte. Set MAIL_USE_SSL as well.',
    mail.username && !mail.password && 'MAIL_USERNAME is set without MAIL_PASSWORD. Set both, or neither.',
    mail.password && !mail.username && 'MAIL_PASSWORD is set without MAIL_USERNAME. Set both, or neither.',
    mail.username &&
      mail.server &&
      !(mail.useTls || mail.useSsl || isLoopback(mail.server)) &&
      `MAIL_USERNAME and MAIL_PASSWORD would be sent to ${mail.server} unencrypted. Set MAIL_USE_TLS (port 587) or MAIL_USE_SSL (port 465).`,
    !mail.server &&
      (mail.port || mail.username || mail.useTls || mail.useSsl) &&
      'MAIL_SERVER is missing, but other settings of the mail server are set. Set it to the name of your SMTP server.',
    new Set([mail.dkimDomain === undefined, mail.dkimSelector === undefined, mail.dkimKey === undefined]).size > 1 &&
      'MAIL_DKIM_DOMAIN, MAIL_DKIM_SELECTOR and MAIL_DKIM_KEY_FILE belong together. Set all three, or none.',
  ].find((problem) => typeof problem === 'string')
  if (wrong) throw new StartError(wrong)
}
