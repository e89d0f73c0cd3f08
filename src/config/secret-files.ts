import { readFileSync, statSync } from 'node:fs'
import { errorCode, StartError } from '../errors.ts'

/** The settings that are secrets. Each can be in a file instead, which the setting with `_FILE` at the end names. */
const secretNames = ['DATABASE_URL', 'JWT_SECRET_KEY', 'JWT_SECRET_KEY_OLD', 'MAIL_PASSWORD']

export function isSecret(name: string): boolean {
  return secretNames.includes(name)
}

/** Returns the names of the settings that name the file of a secret. */
export function secretFileNames(): string[] {
  return secretNames.map(fileName)
}

/**
 * Returns the settings with the secrets that files contain, as container platforms and systemd's `LoadCredential` provide
 * them. A line break at the end is not part of the secret. Throws a `StartError` if a file cannot be read or is empty, or
 * if a secret is given twice.
 */
export function readSecretFiles(values: NodeJS.Dict<string>): NodeJS.Dict<string> {
  const secrets = secretNames.flatMap((name) => {
    const path = values[fileName(name)]
    if (!path) return []
    if (values[name]) throw new StartError(`${name} and ${fileName(name)} are both set. Set only one of them.`)
    return [[name, readSecret(fileName(name), path)]]
  })
  return { ...values, ...Object.fromEntries(secrets) }
}

/** Returns a warning if other users of the machine can read a settings file with secrets in it. */
export function warnAboutReadable(path: string, values: NodeJS.Dict<string>): string[] {
  const hasSecret = secretNames.some((name) => values[name] && values[name] !== 'embedded')
  if (!hasSecret || process.platform === 'win32' || (statSync(path).mode & 0o004) === 0) return []
  return [`Every user of this machine can read the secrets in ${path}. Run: chmod 600 ${path}`]
}

function fileName(name: string): string {
  return `${name}_FILE`
}

function readSecret(name: string, path: string): string {
  try {
    const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    if (secret) return secret
  } catch (error) {
    throw new StartError(`${name} is ${path}, which cannot be read (${errorCode(error) || error}).`)
  }
  throw new StartError(`${name} is ${path}, which is empty. Write the secret to it.`)
}
