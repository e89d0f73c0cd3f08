import { randomBytes, randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../errors.ts'

/**
 * A random secret that is made once and kept in a file that only its owner may read. Throws a `StartError` where the
 * folder cannot be written, or the file holds no secret.
 */
export function loadOrCreateSecret(folder: string, name: string): string {
  const file = join(folder, name)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return readSecret(file) ?? makeSecret(file)
  } catch (error) {
    if (error instanceof StartError || !(error instanceof Error)) throw error
    throw new StartError(`DATA_DIR ${folder} cannot be used: ${error.message}. Set it to a folder that can be written.`)
  }
}

function readSecret(file: string): string | undefined {
  try {
    const secret = readFileSync(file, 'utf8').trim()
    if (secret.length >= 43) return secret
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  throw new StartError(`${file} holds no whole secret: remove it, and everybody has to sign in again.`)
}

/** Appears whole or not at all: of several processes that start at once, all use the one that was first. */
function makeSecret(file: string): string {
  const draft = `${file}.${randomUUID()}`
  writeFileSync(draft, randomBytes(32).toString('base64url'), { mode: 0o600, flush: true })
  try {
    linkSync(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    unlinkSync(draft)
  }
  return readFileSync(file, 'utf8')
}
