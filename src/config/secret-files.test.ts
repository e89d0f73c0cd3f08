import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { StartError } from '../errors.ts'
import { readConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-secrets-'))
after(() => rmSync(folder, { recursive: true }))
const noFile = join(import.meta.dirname, '../../test/empty.env')
const key = 'thirty-two bytes nobody else has'

test('each secret is read from the file that its setting names, without the line break at the end', () => {
  const config = readConfig({
    ENV_FILE_LOCATION: noFile,
    JWT_SECRET_KEY_FILE: fileWith(`${key}\n`),
    JWT_SECRET_KEY_OLD_FILE: fileWith(`${key} of last year\r\n`),
    DATABASE_URL_FILE: fileWith('postgres://ada:sesame@127.0.0.1/movies'),
    MAIL_SERVER: 'localhost',
    MAIL_USERNAME: 'ada',
    MAIL_PASSWORD_FILE: fileWith(' open sesame \n'),
  })
  assert.equal(config.jwtSecretKey, key)
  assert.equal(config.jwtSecretKeyOld, `${key} of last year`)
  assert.equal(config.databaseUrl, 'postgres://ada:sesame@127.0.0.1/movies')
  assert.equal(config.databaseUrlIsSet, true)
  assert.equal(config.mail.password, ' open sesame ')
  assert.deepEqual(config.warnings, [])
})

test('a secret in a file follows the same rule, and is not shown', () => {
  const line = refusal({ JWT_SECRET_KEY_FILE: fileWith('too short') })
  assert.match(line, /^JWT_SECRET_KEY is invalid \(value not shown\)/)
  assert(!line.includes('too short'))
})

test('a file that is missing or empty, or a secret given twice, stops the start', () => {
  const settings = {
    'JWT_SECRET_KEY_FILE is .*, which cannot be read \\(ENOENT\\)': { JWT_SECRET_KEY_FILE: join(folder, 'nothing') },
    'MAIL_PASSWORD_FILE is .*, which cannot be read \\(EISDIR\\)': { MAIL_PASSWORD_FILE: folder },
    'DATABASE_URL_FILE is .*, which is empty': { DATABASE_URL_FILE: fileWith('\n') },
    'JWT_SECRET_KEY and JWT_SECRET_KEY_FILE are both set': { JWT_SECRET_KEY: key, JWT_SECRET_KEY_FILE: fileWith(key) },
  }
  for (const [problem, given] of Object.entries(settings)) assert.match(refusal(given), new RegExp(`^${problem}`))
})

test('a settings file can name the files, and a misspelt name is corrected', () => {
  const env = fileWith(`JWT_SECRET_KEY_FILE=${fileWith(key)}`)
  assert.equal(readConfig({ ENV_FILE_LOCATION: env }).jwtSecretKey, key)
  const misspelt = fileWith(`JWT_SECRET_KEYS_FILE=${fileWith(key)}`)
  assert.match(refusal({ ENV_FILE_LOCATION: misspelt }), /Did you mean JWT_SECRET_KEY_FILE\?/)
})

test('a settings file with a secret that every user can read causes a warning', {
  skip: process.platform === 'win32',
}, () => {
  const env = fileWith(`JWT_SECRET_KEY="${key}"`)
  chmodSync(env, 0o644)
  assert.match(readConfig({ ENV_FILE_LOCATION: env }).warnings.join(), /Every user .* Run: chmod 600 /)
  chmodSync(env, 0o640)
  assert.deepEqual(readConfig({ ENV_FILE_LOCATION: env }).warnings, [])
  const harmless = fileWith('PORT=8080\nDATABASE_URL=embedded')
  chmodSync(harmless, 0o644)
  assert.deepEqual(readConfig({ ENV_FILE_LOCATION: harmless }).warnings, [])
})

let files = 0

function fileWith(text: string): string {
  files += 1
  const path = join(folder, `file-${files}`)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

function refusal(settings: Record<string, string>): string {
  try {
    readConfig({ ENV_FILE_LOCATION: noFile, ...settings })
  } catch (error) {
    if (error instanceof StartError) return error.message
    throw error
  }
  throw new Error('The settings were accepted.')
}
