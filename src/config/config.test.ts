import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { StartError } from '../errors.ts'
import { type Config, readConfig, settingNames } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-config-'))
after(() => rmSync(folder, { recursive: true }))

const root = join(import.meta.dirname, '../..')
const noFile = join(root, 'test/empty.env')
const secret = 'thirty-two bytes nobody else has'

test('without configuration, every setting has a default that works on one machine', () => {
  const { mail, ...settings } = configOf()
  assert.deepEqual(settings, {
    production: false,
    host: '127.0.0.1',
    port: 3000,
    publicUrl: 'http://localhost:3000',
    publicUrlIsSet: false,
    trustProxy: false,
    databaseUrl: 'embedded',
    databaseUrlIsSet: false,
    databasePrepare: true,
    allowPlaintext: [],
    dataDir: resolve('data'),
    jwtSecretKey: undefined,
    jwtSecretKeyOld: undefined,
    sessionTtlMs: 7 * 86_400_000,
    sessionIdleTtlMs: 7 * 86_400_000,
    resetTokenTtlMs: 86_400_000,
    minPasswordLength: 8,
    passwordWords: [],
    breachedPasswords: undefined,
    signUp: 'open',
    accountPrivacy: 'private',
    requireVerifiedEmail: false,
    unknownAddressMail: false,
    maxMovies: 10_000,
    maxStorageBytes: 200_000_000,
    rateLimits: true,
    hstsIncludeSubdomains: false,
    securityContact: undefined,
    apiReference: true,
    templatesDir: undefined,
    defaultLocale: 'en',
    logLevel: 'info',
    warnings: [],
  })
  assert.deepEqual(mail.defaultSender, { name: '', address: 'support@movie-bag.com' })
  assert.deepEqual(
    [mail.server, mail.port, mail.useTls, mail.useSsl, mail.suppressSend],
    [undefined, undefined, false, false, false],
  )
})

test('the links in mails follow PORT until PUBLIC_URL is set, and then that alone', () => {
  assert.equal(configOf({ PORT: '8080' }).publicUrl, 'http://localhost:8080')
  assert.equal(
    configOf({ PORT: '8080', PUBLIC_URL: 'https://Movies.Example.org/' }).publicUrl,
    'https://movies.example.org',
  )
})

test('values are accepted in the ways that people write them', () => {
  const understood: [string, string, (config: Config) => unknown, unknown][] = [
    ['TRUST_PROXY', 'on', (config) => config.trustProxy, 1],
    ['TRUST_PROXY', '2', (config) => config.trustProxy, 2],
    ['TRUST_PROXY', 'loopback, 10.0.0.0/8', (config) => config.trustProxy, ['loopback', '10.0.0.0/8']],
    ['ALLOW_PLAINTEXT', 'mail, database', (config) => config.allowPlaintext, ['database', 'mail']],
    ['SESSION_TTL', '90', (config) => config.sessionTtlMs, 90_000],
    ['SESSION_TTL', '30m', (config) => config.sessionTtlMs, 1_800_000],
    ['RESET_TOKEN_TTL', '2 days', (config) => config.resetTokenTtlMs, 172_800_000],
    ['RATE_LIMITS', 'False', (config) => config.rateLimits, false],
    ['RATE_LIMITS', '0', (config) => config.rateLimits, false],
    ['HOST', '::', (config) => config.host, '::'],
    ['TEMPLATES_DIR', folder, (config) => config.templatesDir, folder],
    ['MAIL_SERVER', 'smtp.bücher.example', (config) => config.mail.server, 'smtp.bücher.example'],
    [
      'MAIL_DEFAULT_SENDER',
      'Movie Bag <movies@example.org>',
      (config) => config.mail.defaultSender,
      { name: 'Movie Bag', address: 'movies@example.org' },
    ],
  ]
  for (const [name, value, read, expected] of understood) assert.deepEqual(read(configOf({ [name]: value })), expected)
})

const refused: [string, string, RegExp][] = [
  ['NODE_ENV', 'prod', /development, test, production/],
  ['HOST', 'http://0.0.0.0', /without a scheme or port/],
  ['PORT', 'http', /a whole number from 1 to 65535/],
  ['PORT', '0', /a whole number from 1 to 65535/],
  ['PORT', '65536', /a whole number from 1 to 65535/],
  ['PUBLIC_URL', 'movies.example.org', /https:\/\/movies\.example\.org, without a path/],
  ['PUBLIC_URL', 'https://example.org/movies', /without a path/],
  ['PUBLIC_URL', 'ftp://example.org', /without a path/],
  ['TRUST_PROXY', 'nginx', /IP addresses separated by commas/],
  ['TRUST_PROXY', '10.0.0.1,', /IP addresses separated by commas/],
  ['ALLOW_PLAINTEXT', 'on', /one or more of database, mail/],
  ['SESSION_TTL', 'a week', /90s, 30m, 24h or "7 days"/],
  ['SESSION_TTL', '2 years', /from 1s to a year/],
  ['RESET_TOKEN_TTL', '0', /from 1s to a year/],
  ['RESET_TOKEN_TTL', '-1h', /from 1s to a year/],
  ['MIN_PASSWORD_LENGTH', '6', /a whole number from 8 to 64/],
  ['SIGN_UP', 'off', /one of open, closed/],
  ['ACCOUNT_PRIVACY', 'public', /one of private, reveal/],
  ['RATE_LIMITS', 'maybe', /on or off/],
  ['API_REFERENCE', 'public', /on or off/],
  ['TEMPLATES_DIR', '/nowhere/at/all', /an existing folder/],
  ['DEFAULT_LOCALE', 'xx', /one of .*\ben\b/],
  ['LOG_LEVEL', 'verbose', /fatal, error, warn, info, debug/],
  ['MAIL_SERVER', 'smtp://smtp.example.org', /without a scheme or port/],
  ['MAIL_SERVER', 'smtp.example.org:587', /without a scheme or port/],
  ['MAIL_PORT', '25 or so', /a whole number/],
  ['MAIL_USE_TLS', 'starttls', /on or off/],
  ['MAIL_USE_SSL', '2', /on or off/],
  ['MAIL_SUPPRESS_SEND', 'never', /on or off/],
  ['MAIL_DEFAULT_SENDER', 'support', /one email address/],
  ['MAIL_DEFAULT_SENDER', 'a@example.org, b@example.org', /one email address/],
  ['MAIL_DKIM_DOMAIN', 'https://example.org', /without a scheme or port/],
  ['MAIL_DKIM_KEY_FILE', '/nowhere/at/all', /RSA private key of at least 2048 bits in PEM format/],
  ['PASSWORD_WORDS', 'Acme, 2026', /words separated by commas/],
  ['BREACHED_PASSWORDS', '/nowhere/at/all', /SHA-1/],
  ['BREACHED_PASSWORDS', 'https://api.pwnedpasswords.com/range', /api\.pwnedpasswords\.com\/range\//],
]

for (const [name, value, wouldDo] of refused) {
  test(`${name}=${value} is refused in one line that says what is valid`, () => {
    const line = refusal({ [name]: value })
    assert(line.startsWith(`${name} is ${JSON.stringify(value)}. It must be `), line)
    assert.match(line, wouldDo)
  })
}

test('an invalid secret is refused without being shown', () => {
  const secrets = {
    JWT_SECRET_KEY: ['short', 't1NP63m4wnBg6nyHYKfmc2TpCOGI4nss', 'é'.repeat(15), 'a'.repeat(64), 'change'.repeat(8)],
    DATABASE_URL: ['mysql://ada:sesame@localhost/movies', 'localhost:sesame', 'postgres://ada:ses@me@db:port/x'],
  }
  for (const [name, values] of Object.entries(secrets)) {
    for (const value of values) {
      const line = refusal({ [name]: value })
      assert(line.startsWith(`${name} is invalid (value not shown). It must be `), line)
      assert(!line.includes(value) && !line.includes('sesame'), line)
    }
  }
})

test('the secret published by the original tutorial is refused, and 32 other bytes are not', () => {
  assert.match(refusal({ JWT_SECRET_KEY: 't1NP63m4wnBg6nyHYKfmc2TpCOGI4nss' }), /not a key from a tutorial/)
  assert.equal(configOf({ JWT_SECRET_KEY: secret }).jwtSecretKey, secret)
  assert.match(refusal({ JWT_SECRET_KEY: secret.slice(1) }), /at least 32 random bytes/)
})

const production = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://movies.example.org',
  MAIL_SERVER: 'smtp.example.org',
  MAIL_USE_TLS: 'on',
  MAIL_DEFAULT_SENDER: 'support@example.org',
  JWT_SECRET_KEY: secret,
  DATABASE_URL: 'embedded',
}

test('production names everything that is missing, and starts once it is set', () => {
  assert.equal(configOf(production).production, true)
  const line = refusal({ NODE_ENV: 'production' })
  for (const name of ['PUBLIC_URL', 'DATABASE_URL', 'MAIL_SERVER', 'MAIL_DEFAULT_SENDER', 'JWT_SECRET_KEY']) {
    assert(line.includes(name), line)
    assert.match(
      refusal({ ...production, [name]: '' }),
      new RegExp(`^NODE_ENV=production requires ${name} \\([^)]*\\)\\.$`),
    )
  }
})

test('production serves no API reference unless told to', () => {
  assert.equal(configOf(production).apiReference, false)
  assert.equal(configOf({ ...production, API_REFERENCE: 'on' }).apiReference, true)
})

test('production requires https in its links, except on this machine', () => {
  assert.match(refusal({ ...production, PUBLIC_URL: 'http://movies.example.org' }), /^PUBLIC_URL .* https URL/)
  for (const url of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
    assert.equal(configOf({ ...production, PUBLIC_URL: url }).publicUrl, url)
  }
})

test('production refuses a database on another machine without TLS and a verified certificate', () => {
  const remote = 'postgres://ada:sesame@db.example.org/movies'
  const authority = fileOf('')
  for (const end of [
    '',
    '?ssl=false',
    '?sslmode=disable',
    '?sslmode=no-verify',
    '?uselibpqcompat=true&sslmode=require',
  ]) {
    const line = refusal({ ...production, DATABASE_URL: remote + end })
    assert.match(line, /db\.example\.org .*sslmode=verify-full .*ALLOW_PLAINTEXT=database/, end)
    assert(!line.includes('sesame'), line)
    configOf({ ...production, DATABASE_URL: remote + end, ALLOW_PLAINTEXT: 'database' })
    configOf({ DATABASE_URL: remote + end })
  }
  for (const url of [
    `${remote}?sslmode=verify-full`,
    `${remote}?sslmode=verify-full&sslrootcert=${authority}`,
    `${remote}?uselibpqcompat=true&sslmode=verify-ca&sslrootcert=${fileOf('-')}`,
    'postgres://ada:sesame@localhost/movies',
    'postgres://ada:sesame@127.0.0.1/movies',
    'postgres://ada:sesame@[::1]/movies',
    'postgres://ada@%2Fvar%2Frun%2Fpostgresql/movies',
    'postgres:///movies?host=/var/run/postgresql',
  ]) {
    assert.equal(configOf({ ...production, DATABASE_URL: url }).databaseUrl, url)
  }
  assert.match(refusal({ ...production, DATABASE_URL: `${remote}?host=10.0.0.1` }), /10\.0\.0\.1/)
  const missing = refusal({ DATABASE_URL: `${remote}?sslmode=verify-full&sslrootcert=/nowhere/at/all` })
  assert.match(missing, /^DATABASE_URL cannot be used: ENOENT.*\/nowhere\/at\/all/)
})

test('production refuses a mail server on another machine without TLS', () => {
  const plain = { ...production, MAIL_USE_TLS: 'off' }
  assert.match(refusal(plain), /smtp\.example\.org without TLS\. Set MAIL_USE_TLS .* ALLOW_PLAINTEXT=mail/)
  assert.match(refusal({ ...plain, ALLOW_PLAINTEXT: 'database' }), /without TLS/)
  for (const more of [
    { ALLOW_PLAINTEXT: 'mail' },
    { MAIL_USE_SSL: 'on' },
    { MAIL_SUPPRESS_SEND: 'on' },
    { MAIL_SERVER: 'localhost' },
    { MAIL_SERVER: '127.0.0.1' },
    { NODE_ENV: 'development' },
  ]) {
    configOf({ ...plain, ...more })
  }
  const login = { MAIL_USERNAME: 'ada', MAIL_PASSWORD: 'sesame', ALLOW_PLAINTEXT: 'mail' }
  assert.match(refusal({ ...plain, ...login }), /would be sent to smtp\.example\.org unencrypted/)
})

test('contradicting mail settings are refused, and the error says how to fix them', () => {
  const server = { MAIL_SERVER: 'smtp.example.org' }
  const login = { MAIL_USERNAME: 'ada', MAIL_PASSWORD: 'sesame' }
  const wrong: [Record<string, string>, RegExp][] = [
    [{ ...server, MAIL_USE_TLS: 'on', MAIL_USE_SSL: 'on' }, /both on\. Use MAIL_USE_TLS .*587.* MAIL_USE_SSL .*465/],
    [{ ...server, MAIL_USE_TLS: 'on', MAIL_PORT: '465' }, /Set MAIL_USE_SSL instead of MAIL_USE_TLS/],
    [{ ...server, MAIL_USE_SSL: 'on', MAIL_PORT: '587' }, /Set MAIL_USE_TLS instead of MAIL_USE_SSL/],
    [{ ...server, MAIL_PORT: '465' }, /Set MAIL_USE_SSL as well/],
    [{ ...server, MAIL_USERNAME: 'ada' }, /MAIL_USERNAME is set without MAIL_PASSWORD/],
    [{ ...server, MAIL_PASSWORD: 'sesame' }, /MAIL_PASSWORD is set without MAIL_USERNAME/],
    [{ ...server, ...login }, /would be sent to smtp\.example\.org unencrypted/],
    [{ MAIL_PORT: '587' }, /MAIL_SERVER is missing/],
    [{ ...login }, /MAIL_SERVER is missing/],
    [{ MAIL_USE_SSL: 'on' }, /MAIL_SERVER is missing/],
    [{ ...server, MAIL_DKIM_DOMAIN: 'example.org' }, /belong together/],
  ]
  for (const [settings, wayOut] of wrong) {
    const line = refusal(settings)
    assert.match(line, wayOut)
    assert(!line.includes('sesame'), line)
  }
  assert.equal(configOf({ ...server, ...login, MAIL_USE_TLS: 'on', MAIL_PORT: '587' }).mail.useTls, true)
  assert.equal(configOf({ ...server, ...login, MAIL_USE_SSL: 'on', MAIL_PORT: '465' }).mail.useSsl, true)
  assert.equal(configOf({ ...login, MAIL_SERVER: 'localhost' }).mail.username, 'ada')
})

test('DKIM accepts a valid RSA key and no other', () => {
  const dkim = { MAIL_DKIM_DOMAIN: 'example.org', MAIL_DKIM_SELECTOR: 'movies' }
  const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { privateKey: ed25519 } = generateKeyPairSync('ed25519')
  const pem = rsa.export({ type: 'pkcs8', format: 'pem' }).toString()
  assert.equal(configOf({ ...dkim, MAIL_DKIM_KEY_FILE: fileOf(pem) }).mail.dkimKey, pem)
  const broken = '-----BEGIN PRIVATE KEY-----\nbroken\n-----END PRIVATE KEY-----\n'
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  for (const text of [
    broken,
    ...[ed25519, short].map((key) => key.export({ type: 'pkcs8', format: 'pem' }).toString()),
  ]) {
    assert.match(refusal({ ...dkim, MAIL_DKIM_KEY_FILE: fileOf(text) }), /^MAIL_DKIM_KEY_FILE .*RSA/)
  }
})

test('a misspelt name in the environment causes a warning that suggests the right one', () => {
  const { warnings } = configOf({
    MAIL_SEVER: 'smtp.example.org',
    RATE_LIMIT: 'off',
    MAIL_DEBUG: '1',
    HOME: '/',
    PATH: '/',
  })
  assert.deepEqual(warnings, [
    'MAIL_SEVER in the environment is not a setting of Movie Bag and has no effect. Did you mean MAIL_SERVER?',
    'RATE_LIMIT in the environment is not a setting of Movie Bag and has no effect. Did you mean RATE_LIMITS?',
    'MAIL_DEBUG in the environment is not a setting of Movie Bag and has no effect.',
  ])
})

test('.env.example names every setting once, in order, each with its default', () => {
  const shown = envExample().map(([name]) => name)
  assert.deepEqual(shown, settingNames())
  const uncommented = fileOf(
    envExample()
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const { publicUrlIsSet, databaseUrlIsSet, mail, ...given } = readConfig({ ENV_FILE_LOCATION: uncommented })
  const { mail: defaultMail, ...defaults } = configOf()
  assert.deepEqual({ ...given, publicUrlIsSet: false, databaseUrlIsSet: false }, defaults)
  assert(databaseUrlIsSet && !publicUrlIsSet)
  assert.deepEqual({ ...mail, defaultSenderIsSet: false }, defaultMail)
})

test('a copy of .env.example has no effect', () => {
  assert.deepEqual(readConfig({ ENV_FILE_LOCATION: join(root, '.env.example') }), configOf())
})

function envExample(): [string, string][] {
  const text = readFileSync(join(root, '.env.example'), 'utf8')
  return [...text.matchAll(/^#? ?([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value])
}

function configOf(settings: Record<string, string> = {}): Config {
  return readConfig({ ENV_FILE_LOCATION: noFile, ...settings })
}

/** The line with which settings are refused. */
function refusal(settings: Record<string, string>): string {
  try {
    configOf(settings)
  } catch (error) {
    assert(error instanceof StartError, String(error))
    assert(!error.message.includes('\n'), error.message)
    return error.message
  }
  assert.fail(`${JSON.stringify(settings)} was taken`)
}

function fileOf(text: string): string {
  const file = join(folder, randomUUID())
  writeFileSync(file, text)
  return file
}

test('a value from the environment loses the line break at its end, and quotes around it are reported', () => {
  const { mail, warnings } = configOf({
    MAIL_SERVER: 'smtp.example.org\n',
    MAIL_USE_TLS: 'on',
    MAIL_USERNAME: '"ada"',
    MAIL_PASSWORD: "'sesame'\r\n",
  })
  assert.deepEqual([mail.server, mail.username, mail.password], ['smtp.example.org', '"ada"', "'sesame'"])
  assert.deepEqual(warnings, [
    'MAIL_USERNAME in the environment is "ada", with the quotes. If they do not belong to it, remove them where it is set.',
    'MAIL_PASSWORD in the environment begins and ends with a quote. If they do not belong to it, remove them where it is set.',
  ])
})
