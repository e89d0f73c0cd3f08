import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { StartError } from '../errors.ts'
import { readConfig } from './config.ts'
import { readEnvFile } from './env-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-env-'))
const file = join(folder, 'settings.env')
after(() => rmSync(folder, { recursive: true }))

test('a file is read as people write it: comments, export, spaces, quotes, lines that end as on Windows', () => {
  const text = [
    '\uFEFF# Movie Bag',
    '',
    'PORT=8080 # not 3000',
    'export HOST = 0.0.0.0',
    'MAIL_SERVER="smtp.example.org" # ours',
    'MAIL_PASSWORD=\'se#same "x" = 1\'',
    'MAIL_DKIM_KEY_FILE=`first',
    'MAIL_SERVER: "not a setting"',
    'last`',
    'DATABASE_URL=',
    'LOG_LEVEL=`warn`',
  ].join('\r\n')
  assert.deepEqual(
    { ...settingsIn(text) },
    {
      PORT: '8080',
      HOST: '0.0.0.0',
      MAIL_SERVER: 'smtp.example.org',
      MAIL_PASSWORD: 'se#same "x" = 1',
      MAIL_DKIM_KEY_FILE: 'first\nMAIL_SERVER: "not a setting"\nlast',
      DATABASE_URL: '',
      LOG_LEVEL: 'warn',
    },
  )
})

const refused: [string, string, RegExp][] = [
  [
    'a colon instead of an equals sign',
    'PORT=1\n\nMAIL_SERVER: "x"',
    /^Line 3 of .* Write MAIL_SERVER=value, with an equals sign\.$/,
  ],
  ['a name alone', 'PORT=1\nMAIL_USE_TLS', /^Line 2 of .* Write MAIL_USE_TLS=value/],
  ['a colon after a value of several lines', 'A="1\n2\n3"\nB: 1', /^Line 4 of .* Write B=value/],
  [
    'a # that would cut a value off',
    'MAIL_PASSWORD=sesame#1',
    /^Line 1 of .* # in the value of MAIL_PASSWORD.* Put the value in quotes\.$/,
  ],
  [
    'quotes that never end',
    'PORT=1\nMAIL_PASSWORD="sesame\nHOST=::',
    /^Line 2 of .* has an unclosed quote in the value of MAIL_PASSWORD/,
  ],
  [
    'quotes that end too early',
    "MAIL_PASSWORD='it''s'",
    /^Line 1 of .* has text after the quoted value of MAIL_PASSWORD/,
  ],
  ['text after a value of several lines', 'A="1\n2" more', /^Line 2 of .* is not a setting/],
]

for (const [what, text, line] of refused) {
  test(`${what} is refused with the number of its line, not ignored`, () => {
    const refusal = refusalOf(() => settingsIn(text))
    assert.match(refusal, line)
    assert(refusal.includes(file) && !refusal.includes('sesame'), refusal)
  })
}

test('ENV_FILE_LOCATION names the file, and the environment wins over it', () => {
  writeFileSync(file, 'PORT=8080\nHOST=::1\n')
  assert.equal(readConfig({ ENV_FILE_LOCATION: file }).port, 8080)
  const { port, host } = readConfig({ ENV_FILE_LOCATION: file, PORT: '9090', HOST: '' })
  assert.deepEqual([port, host], [9090, '::1'])
})

test('a named file must exist', () => {
  const missing = join(folder, 'missing.env')
  assert.equal(
    refusalOf(() => readConfig({ ENV_FILE_LOCATION: missing })),
    `ENV_FILE_LOCATION is ${missing}, which does not exist. Set it to a readable file, or unset it.`,
  )
  mkdirSync(join(folder, 'directory'))
  assert.match(
    refusalOf(() => readConfig({ ENV_FILE_LOCATION: join(folder, 'directory') })),
    /cannot be read \(EISDIR\)/,
  )
})

test('an unknown name is refused, and the closest setting suggested', () => {
  const lines = {
    'MAIL_SEVER=x': /^MAIL_SEVER is not a Movie Bag setting\. Did you mean MAIL_SERVER\?$/,
    'mail_server=x': /^mail_server is not .* Did you mean MAIL_SERVER\?$/,
    'SECRET_KEY=x': /^SECRET_KEY is not .* The settings are NODE_ENV, HOST, .*MAIL_PASSWORD_FILE\.$/,
    'ENV_FILE_LOCATION=x': /Set it in the environment\./,
  }
  for (const [text, line] of Object.entries(lines)) {
    writeFileSync(file, text)
    assert.match(
      refusalOf(() => readConfig({ ENV_FILE_LOCATION: file })),
      line,
    )
  }
})

function settingsIn(text: string) {
  writeFileSync(file, text)
  return readEnvFile(file)
}

function refusalOf(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    assert(error instanceof StartError, String(error))
    assert(!error.message.includes('\n'), error.message)
    return error.message
  }
  assert.fail('the settings were accepted')
}
