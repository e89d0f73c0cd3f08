import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { allMailSettled } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag({ UNKNOWN_ADDRESS_MAIL: 'on' })
after(() => bag.stop())
const password = 'a long password'

function signUpAs(email: unknown) {
  return bag.request('POST', '/api/auth/signup', { email, password })
}

const noAddress = {
  'nothing at all': ['', ' ', '@', 'ada', 'ada@', '@example.org', 'example.org'],
  'a name that no host has': ['ada@-example.org', 'ada@example..org', 'ada@.org', 'ada@example.org.', 'ada@example'],
  'an address of a machine': ['ada@127.0.0.1', 'ada@[127.0.0.1]', 'ada@[IPv6:::1]', 'ada@0x7f.1', 'ada@2130706433'],
  'several addresses': [
    'ada@example.org,eve@example.com',
    'ada@example.org;eve@example.com',
    'ada@example.org eve@example.com',
    'ada@example.org@example.com',
    'ada@example.org%00@example.com',
  ],
  'display names': ['Ada <ada@example.org>', '<ada@example.org>', '"Ada" ada@example.org', 'ada@example.org (Ada)'],
  'quoted local parts': [
    '"ada"@example.org',
    '"ada@example.com"@example.org',
    '"a b"@example.org',
    'a\\@b@example.org',
  ],
  'dots out of place': ['.ada@example.org', 'ada.@example.org', 'a..da@example.org'],
  'line breaks and other controls': [
    'ada@example.org\r\nBcc: eve@example.com',
    'ada\r\n@example.org',
    'ada@exam\nple.org',
    'ada@example.org\0',
    'ada\0@example.org',
    'ada@exam\u2028ple.org',
    'ada@ example.org',
    'ada @example.org',
    'ada\t@example.org',
  ],
  'letters that Unicode would turn into others': [
    'ａda@example.org',
    'ada＠example.org',
    'ada@example.org＠example.com',
    '\u212aate@example.org',
    'o\ufb03ce@example.org',
    'a\u0301da@example.org',
    'a\u200bda@example.org',
    'a\u00adda@example.org',
  ],
  'domains that would end early': [
    'ada@example.org/x',
    'ada@example.org?x',
    'ada@example.org#x',
    'ada@eve.com\\example.org',
  ],
  'half a character': ['ad\ud83da@example.org', 'ada@ex\ud83dample.org'],
  'too long': [
    `${'a'.repeat(65)}@example.org`,
    `ada@${'a'.repeat(64)}.org`,
    `ada@${'a.'.repeat(130)}org`,
    'a'.repeat(90_000),
  ],
  'no text': [['ada@example.org'], { $ne: null }, 1, null, true],
}

for (const [kind, addresses] of Object.entries(noAddress)) {
  test(`not an email address: ${kind}`, async () => {
    for (const email of addresses) {
      const answer = await signUpAs(email)
      assertError(answer, 'SchemaValidationError', ['email'])
      assertError(await bag.request('POST', '/api/auth/forgot', { email }), 'SchemaValidationError', ['email'])
    }
    const [email] = addresses
    const login = await bag.request('POST', '/api/auth/login', { email, password })
    assertError(login, typeof email === 'string' ? 'UnauthorizedError' : 'SchemaValidationError')
    assert.deepEqual(await bag.db.query(sql`select id from accounts where email_canonical not like '%ok%'`), [])
  })
}

test('spellings of one email address that differ in case or domain encoding are one account', async () => {
  const spellings: [first: string, ...others: string[]][] = [
    ['Ok.Ada@Example.ORG', 'ok.ada@example.org', 'OK.ADA@EXAMPLE.ORG', 'ok.ada@ｅxample.org'],
    ['ok@bücher.example', 'OK@BÜCHER.example', 'ok@xn--bcher-kva.example', 'ok@bu\u0308cher.example'],
    ['ok.jürgen@example.org', 'OK.jürgen@example.org'],
  ]
  for (const [first, ...others] of spellings) {
    assert.equal((await signUpAs(first)).status, 200, first)
    for (const other of others) {
      assertError(await signUpAs(other), 'EmailAlreadyExistsError')
      await logIn(bag, { email: other, password })
    }
  }
})

test('white space around an email address is dropped, wherever one is sent', async () => {
  const email = 'ok.lise@example.org'
  const spaced = [` ${email}`, `${email}\n`, `\t${email}\r\n`, `\u00a0${email}\u202f`, `\u3000${email} `]
  assert.equal((await signUpAs(` ${email}\n`)).status, 200)
  const [account] = await bag.db.query<{ email: string }>(sql`
    select email from accounts where email_canonical = ${email}`)
  assert.equal(account?.email, email)
  for (const typed of spaced) {
    assertError(await signUpAs(typed), 'EmailAlreadyExistsError')
    await logIn(bag, { email: typed, password })
    assert.equal((await bag.request('POST', '/api/auth/forgot', { email: typed })).status, 200, JSON.stringify(typed))
  }
  const session = await logIn(bag, { email, password })
  const change = { email: '\u00a0ok.lise@example.com\n', password }
  assert.equal((await bag.request('POST', '/api/auth/email', change, session)).status, 200)
  const own = await bag.request('GET', '/api/auth/account', undefined, session)
  assert.equal(own.body.pending_email, 'ok.lise@example.com')
})

test('dots, tags, accents and dotless letters make different email addresses', async () => {
  const people = ['ok.ada+1@example.org', 'ok.ada+2@example.org', 'okada@example.org', 'ok.adá@example.org']
  for (const email of [
    ...people,
    'ok.jurgen@example.org',
    'ok.adı@example.org',
    "ok.o'brien@example.org",
    'ok-a@example.org',
    'ok|a@example.org',
  ]) {
    assert.equal((await signUpAs(email)).status, 200, email)
  }
})

test('an email address that a mail server could take for a route gets no account and no mail', async () => {
  const ada = { email: 'ok.route@example.org', password }
  assert.equal((await signUpAs(ada.email)).status, 200)
  const session = await logIn(bag, ada)
  const routes = ['eve%example.com@example.org', 'example.com!eve@example.org', '|eve@example.org', '-eve@example.org']
  for (const email of routes) {
    assertError(await signUpAs(email), 'SchemaValidationError', ['email'])
    const change = await bag.request('POST', '/api/auth/email', { email, password }, session)
    assertError(change, 'SchemaValidationError', ['email'])
    assert.equal((await bag.request('POST', '/api/auth/forgot', { email })).status, 200)
  }
  await allMailSettled(bag)
  const recipients = bag.smtp.mails.flatMap((mail) => mail.recipients)
  assert.deepEqual(
    routes.filter((email) => recipients.includes(email)),
    [],
  )
})

test('in production, an email address of this machine or network gets no new account, change or mail', async (t) => {
  const settings = {
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://movies.example.org',
    MAIL_DEFAULT_SENDER: 'support@example.org',
    UNKNOWN_ADDRESS_MAIL: 'on',
  }
  const live = await startMovieBag(settings)
  t.after(() => live.stop())
  const [known, ...local] = [
    'ok@localhost',
    'ok.root@localhost',
    'ok@mail.localhost',
    'ok@localhost.localdomain',
    'ok@printer.local',
    'ok@db.internal',
    'ok@nas.home.arpa',
  ]
  await signUp(live, 'ok', password)
  await live.db.query(sql`update accounts set email = ${known}, email_canonical = ${known}`)
  const session = await logIn(live, { email: known, password })
  for (const email of [known, ...local]) {
    const signedUp = await live.request('POST', '/api/auth/signup', { email, password })
    assertError(signedUp, 'SchemaValidationError', ['email'])
    const change = await live.request('POST', '/api/auth/email', { email, password }, session)
    assertError(change, 'SchemaValidationError', ['email'])
    assert.equal((await live.request('POST', '/api/auth/forgot', { email })).status, 200)
  }
  await allMailSettled(live)
  const recipients = live.smtp.mails.flatMap((mail) => mail.recipients)
  assert(recipients.includes(known), 'the account that exists got no reset mail')
  assert.deepEqual(
    local.filter((email) => recipients.includes(email)),
    [],
  )
  assert.equal((await signUpAs('ok@local.example.org')).status, 200)
})

test('mail goes to the email address on file, byte for byte, never to the one typed', async () => {
  assert.equal((await signUpAs('Ok.Grace@example.org')).status, 200)
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email: 'OK.GRACE@EXAMPLE.ORG' })).status, 200)
  const mail = await bag.smtp.mailTo('Ok.Grace@example.org')
  assert.deepEqual(mail.recipients, ['Ok.Grace@example.org'])
})
