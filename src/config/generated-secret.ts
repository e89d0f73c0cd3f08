import { randomBytes, randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, StartError } from '../errors.ts'

/**
 * Returns a random secret that is generated once and stored in a file that only its owner can read. Throws a `StartError`
 * if the folder is not writable, or the file does not contain a secret.
 */
export function loadOrCreateSecret(folder: string, name: string): string {
  const file = join(folder, name)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return readSecret(file) ?? createSecret(file)
  } catch (error) {
    if (error instanceof StartError || !(error instanceof Error)) throw error
    throw new StartError(`DATA_DIR ${folder} cannot be used: ${error.message}. Set it to a writable folder.`)
  }
}

function readSecret(file: string): string | undefined {
  try {
    const secret = readFileSync(file, 'utf8').trim()
    if (secret.length >= 43) return secret
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  throw new StartError(
    `${file} does not contain a valid secret. Delete it, and a new one is created; everyone will have to log in again.`,
  )
}

/** Creates the file atomically: if several processes start together, all use the secret of the first. */
function createSecret(file: string): string {
  const draft = `${file}.${randomUUID()}`
  writeFileSync(draft, randomBytes(32).toString('base64url'), { mode: 0o600, flush: true })
  try {
    linkSync(draft, file)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    unlinkSync(draft)
  }
  return readFileSync(file, 'utf8')
}
