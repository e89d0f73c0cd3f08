import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { generate } from 'selfsigned'
import type { SMTPServerOptions } from 'smtp-server'
import { createDatabase } from '../../test/database.ts'
import { logged, type MovieBag, secret, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { startService, until } from '../../test/service.ts'
import { type Smtp, startSmtp } from '../../test/smtp.ts'

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-tls-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const certificate = await generate([{ name: 'commonName', value: 'localhost' }], {
  keySize: 2048,
  extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
})
const tls = { key: certificate.private, cert: certificate.cert }
const authority = file('authority.pem', certificate.cert)

for (const { name, settings, options } of [
  { name: 'STARTTLS', settings: { MAIL_USE_TLS: 'on' }, options: {} },
  { name: 'TLS from the first byte', settings: { MAIL_USE_SSL: 'on' }, options: { secure: true } },
]) {
  test(`over ${name}, a certificate of the operator’s own authority is trusted`, async (t) => {
    const signedIn: string[] = []
    const smtp = await startSecureSmtp(options, signedIn)
    stopAfter(t, smtp)
    const service = await startService('serve', {
      DATABASE_URL: await createDatabase(),
      JWT_SECRET_KEY: secret,
      MAIL_SERVER: 'localhost',
      MAIL_PORT: String(smtp.port),
      MAIL_USERNAME: 'movie-bag',
      MAIL_PASSWORD: 'the password of the mail server',
      NODE_EXTRA_CA_CERTS: authority,
      ...settings,
    })
    const ada = await signUp(service, 'ada')
    await service.request('POST', '/api/auth/forgot', { email: ada.email })
    await smtp.mailTo(ada.email)
    assert.ok(signedIn.length > 0 && signedIn.every((line) => line === 'movie-bag, over TLS'), signedIn.join())
    assert.equal(await service.end(), 0)
  })

  test(`over ${name}, a server with an untrusted certificate gets neither mail nor password`, async (t) => {
    const signedIn: string[] = []
    const smtp = await startSecureSmtp(options, signedIn)
    const login = { MAIL_USERNAME: 'movie-bag', MAIL_PASSWORD: 'the password of the mail server' }
    const bag = await startMovieBag({ MAIL_SERVER: 'localhost', ...login, ...settings }, smtp)
    stopAfter(t, bag, smtp)
    await waitUntilLogged(bag, /self-signed certificate.*Check MAIL_USE_TLS.*NODE_EXTRA_CA_CERTS/)
    assert.deepEqual([signedIn, smtp.mails], [[], []])
  })
}

test('with MAIL_USE_TLS, a server without STARTTLS gets no mail in clear text', async (t) => {
  const smtp = await startSmtp()
  const bag = await startMovieBag({ MAIL_USE_TLS: 'on' }, smtp)
  stopAfter(t, bag, smtp)
  await signUp(bag, 'ada')
  await waitUntilLogged(bag, /Check MAIL_USE_TLS \(STARTTLS, port 587\) and MAIL_USE_SSL \(port 465\)/)
  assert.equal(smtp.mails.length + smtp.verifications.length, 0)
})

test('with MAIL_USE_SSL, a server without TLS is reported with the settings to check', async (t) => {
  const smtp = await startSmtp()
  const bag = await startMovieBag({ MAIL_USE_SSL: 'on' }, smtp)
  stopAfter(t, bag, smtp)
  await waitUntilLogged(bag, /Check MAIL_USE_TLS \(STARTTLS, port 587\) and MAIL_USE_SSL \(port 465\)/)
})

for (const { how, options } of [
  { how: 'fails the handshake', options: { ...tls, minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_CCM_8_SHA256' } },
  {
    how: 'speaks only an old version',
    options: { key: tls.key, cert: tls.cert, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' },
  },
] satisfies { how: string; options: SMTPServerOptions }[]) {
  test(`a server that offers STARTTLS and ${how} gets mail without it, if the settings allow that`, async (t) => {
    const smtp = await startSmtp({ disabledCommands: ['AUTH'], ...options })
    const bag = await startMovieBag({ MAIL_SERVER: 'localhost' }, smtp)
    stopAfter(t, bag, smtp)
    const ada = await signUp(bag, 'ada')
    await smtp.verificationTo(ada.email)
    assert.equal(logged(bag, 'mail-without-tls').length, 1)
    const strict = await startMovieBag({ MAIL_SERVER: 'localhost', MAIL_USE_TLS: 'on' }, smtp)
    stopAfter(t, strict)
    await signUp(strict, 'grace')
    await waitUntilLogged(strict, /Check MAIL_USE_TLS/)
    assert.equal(smtp.verifications.length, 1)
  })
}

test('mail carries a valid DKIM signature', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  })
  const bag = await startMovieBag({
    MAIL_DEFAULT_SENDER: 'Movie Bag <support@example.org>',
    MAIL_DKIM_DOMAIN: 'example.org',
    MAIL_DKIM_SELECTOR: 'bag',
    MAIL_DKIM_KEY_FILE: file('dkim.pem', privateKey),
  })
  stopAfter(t, bag)
  const ada = await signUp(bag, 'ada')
  await bag.request('POST', '/api/auth/forgot', { email: ada.email })
  const { raw } = await bag.smtp.mailTo(ada.email)
  assert.equal(await dkimResult(raw, publicKey), 'pass')
  assert.notEqual(await dkimResult(raw.replace('Hello,', 'Hullo,'), publicKey), 'pass')
})

async function dkimResult(raw: string, publicKey: Buffer): Promise<string | undefined> {
  const { results } = await dkimVerify(Buffer.from(raw, 'latin1'), {
    resolver: async (name: string, type: string) => {
      assert.deepEqual([name, type], ['bag._domainkey.example.org', 'TXT'])
      return [[`v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`]]
    },
  })
  return results[0]?.status.result
}

function startSecureSmtp(options: SMTPServerOptions, signedIn: string[]): Promise<Smtp> {
  return startSmtp({
    disabledCommands: [],
    ...tls,
    ...options,
    onAuth: ({ username }, { secure }, done) => {
      signedIn.push(`${username}, ${secure ? 'over TLS' : 'in clear text'}`)
      done(null, { user: username })
    },
  })
}

function stopAfter(t: TestContext, ...parts: { stop: () => Promise<void> }[]): void {
  t.after(async () => {
    for (const part of parts) await part.stop()
  })
}

async function waitUntilLogged(bag: MovieBag, problem: RegExp): Promise<void> {
  await until(() => logged(bag, 'mail-server-down').length > 0, 'the log to report the mail server')
  assert.match(logged(bag, 'mail-server-down')[0].msg, problem)
}

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
