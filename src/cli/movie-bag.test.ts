import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import pg from 'pg'
import { pino } from 'pino'
import { movieBag } from '../../test/command.ts'
import { createDatabase } from '../../test/database.ts'
import { freePort, logIn, passwordOf, request, secret, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { startSmtp } from '../../test/smtp.ts'
import { buildApp } from '../app.ts'
import { readConfig } from '../config/config.ts'
import { version } from '../config/version.ts'
import { openDatabase } from '../database/database.ts'
import { tokenKey } from '../sessions/access-token.ts'

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-command-'))
after(() => rmSync(folder, { recursive: true }))

test('--help lists the commands, and --version prints the version', async () => {
  const help = movieBag(['--help'])
  assert.equal(await help.end, 0)
  for (const command of ['serve', 'work', 'migrate', 'end-sessions'])
    assert.match(help.said(), new RegExp(`^  ${command} `, 'm'))
  const told = movieBag(['--version'])
  assert.equal(await told.end, 0)
  assert.equal(told.said(), `${version}\n`)
})

test('an unknown command is refused, and the right one suggested', async () => {
  const refused: [string[], string][] = [
    [[], 'No command given. The commands are serve, work, migrate and end-sessions.'],
    [['sevre'], '"sevre" is not a command. Did you mean serve?'],
    [['constructor'], '"constructor" is not a command. The commands are serve, work, migrate and end-sessions.'],
    [['serve', 'now'], 'Unexpected argument "now".'],
    [['serve', '--port=80'], "Unknown option '--port'."],
  ]
  await Promise.all(
    refused.map(async ([args, line]) => {
      const command = movieBag(args)
      assert.equal(await command.end, 1)
      assert.equal(command.complained(), `movie-bag: ${line} See movie-bag --help.\n`)
    }),
  )
})

test('serve says where everything is, serves, and stops at Ctrl-C', async (t) => {
  const smtp = await startSmtp()
  t.after(() => smtp.stop())
  const port = await freePort()
  const { DATABASE_URL } = await database()
  const { host, pathname } = new URL(DATABASE_URL)
  const service = movieBag(['serve'], {
    DATABASE_URL,
    PORT: String(port),
    MAIL_SERVER: '127.0.0.1',
    MAIL_PORT: String(smtp.port),
  })
  t.after(() => service.kill('SIGKILL'))
  const lines = await service.until(/^ {2}Data .*\n\n/m)
  assert.equal(
    lines,
    `
Movie Bag is ready. Press Ctrl-C to stop it.

  Service        http://localhost:${port}
  API reference  http://localhost:${port}/docs
  Mail           127.0.0.1
  Data           PostgreSQL at ${host}, database ${pathname.slice(1)}

`,
  )
  const origin = { request: request.bind(undefined, `http://localhost:${port}`) }
  const ada = await signUp(origin, 'ada')
  await logIn(origin, ada)
  await origin.request('POST', '/api/auth/forgot', { email: ada.email })
  await smtp.mailTo(ada.email)
  service.kill('SIGINT')
  assert.equal(await service.end, 0)
  assert.match(service.said(), /Stopped\b/)
  assert.equal(service.complained(), '')
})

test('work sends the mail of a service that runs elsewhere, and needs its database', async (t) => {
  const smtp = await startSmtp()
  t.after(() => smtp.stop())
  const lost = movieBag(['work'])
  assert.equal(await lost.end, 1)
  assert.match(
    lost.complained(),
    /^movie-bag: `movie-bag work` does not work with the embedded database: set DATABASE_URL .*\n$/,
  )

  const shared = await database()
  const config = readConfig({ ENV_FILE_LOCATION: join(import.meta.dirname, '../../test/empty.env'), ...shared })
  const log = pino({ level: 'silent' })
  const db = openDatabase(shared.DATABASE_URL, { connections: 2, onError: () => {} })
  const app = await buildApp({ config, db, key: await tokenKey(secret), log, version: '0.0.0' })
  t.after(() => app.close().then(db.close))
  await app.inject({
    method: 'POST',
    url: '/api/auth/signup',
    body: { email: 'ada@example.org', password: passwordOf('ada') },
  })
  await app.inject({ method: 'POST', url: '/api/auth/forgot', body: { email: 'ada@example.org' } })

  const worker = movieBag(['work'], { ...shared, MAIL_SERVER: '127.0.0.1', MAIL_PORT: String(smtp.port) })
  t.after(() => worker.kill('SIGKILL'))
  await smtp.mailTo('ada@example.org')
  worker.kill('SIGTERM')
  assert.equal(await worker.end, 0)
  assert.match(worker.said(), /"event":"started"/)
})

test('end-sessions logs out one account or all, and forgets their devices', async (t) => {
  const bag = await startMovieBag()
  t.after(() => bag.stop())
  const people = await Promise.all(['ada', 'grace', 'alan'].map((name) => signUp(bag, name)))
  const sessions = await Promise.all(people.map((person) => logIn(bag, person)))
  const statuses = () =>
    Promise.all(
      sessions.map(async (session) => (await bag.request('GET', '/api/auth/account', undefined, session)).status),
    )
  const settings = { DATABASE_URL: bag.databaseUrl, NODE_ENV: 'test' }

  const one = movieBag(['end-sessions', 'ADA@example.org'], settings)
  assert.equal(await one.end, 0, one.complained())
  assert.match(one.said(), /Logged out 1 account/)
  assert.deepEqual(await statuses(), [401, 200, 200])
  const [ada] = people
  assert(ada)
  const { body } = await bag.request('GET', '/api/auth/history', undefined, await logIn(bag, ada))
  assert(body.some(({ event }: { event: string }) => event === 'sessions ended by operator'))

  const stranger = movieBag(['end-sessions', 'nobody@example.org'], settings)
  assert.equal(await stranger.end, 1)
  assert.equal(stranger.complained(), 'movie-bag: No account has the email address nobody@example.org.\n')
  for (const args of [[], ['a@example.org', 'b@example.org'], ['a@example.org', '--all']]) {
    const refused = movieBag(['end-sessions', ...args], settings)
    assert.equal(await refused.end, 1)
    assert.match(refused.complained(), /^movie-bag: end-sessions needs one email address, or --all\./)
  }
  assert.deepEqual(await statuses(), [401, 200, 200])

  const all = movieBag(['end-sessions', '--all'], settings)
  assert.equal(await all.end, 0, all.complained())
  assert.match(all.said(), /Logged out 3 accounts/)
  assert.deepEqual(await statuses(), [401, 401, 401])
})

test('a service that cannot start says why in one line, without a stack, and leaves nothing running', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const address = taken.address()
  const port = address && typeof address === 'object' ? address.port : 0
  const notAFolder = join(folder, 'file')
  writeFileSync(notAFolder, '')
  const good = await database()
  const url = new URL(good.DATABASE_URL)
  const reached = `The PostgreSQL server at ${url.hostname}:${url.port}`
  const wrong: [Record<string, string>, string | RegExp][] = [
    [{ PORT: 'http' }, 'PORT is "http". It must be a whole number from 1 to 65535.'],
    [
      { ...good, PORT: String(port) },
      `PORT ${port} on 127.0.0.1 is in use: stop the program that uses it, or set PORT to another number.`,
    ],
    [
      { ...good, HOST: '192.0.2.1' },
      /^HOST 192\.0\.2\.1 is not an IP address of this machine: set HOST to 127\.0\.0\.1/,
    ],
    [{ ...good, DATA_DIR: notAFolder }, /^DATA_DIR .*file cannot be used: .* Set it to a writable folder\.$/],
    [{ DATA_DIR: join(notAFolder, 'data') }, /DATA_DIR|data in/],
    [
      { ...good, DATABASE_URL: withParts(url, { password: 'a-guess' }) },
      `${reached} rejects user "${url.username}" with this password. Correct user or password in DATABASE_URL.`,
    ],
    [
      { ...good, DATABASE_URL: withParts(url, { pathname: '/nothing' }) },
      `${reached} has no database "nothing". Create it, or correct its name in DATABASE_URL.`,
    ],
    [
      { ...good, DATABASE_URL: withParts(url, { hostname: 'nowhere.invalid' }) },
      /^The PostgreSQL server at nowhere\.invalid:\d+ cannot be found: /,
    ],
  ]
  const refuse = async ([settings, line]: (typeof wrong)[number]) => {
    const service = movieBag(['serve'], { PORT: String(await freePort()), MAIL_SUPPRESS_SEND: 'on', ...settings })
    assert.equal(await service.end, 1)
    const [said, ...more] = service
      .complained()
      .replace(/^movie-bag: /, '')
      .split('\n')
    assert.deepEqual(more, [''], service.complained())
    typeof line === 'string' ? assert.equal(said, line) : assert.match(said ?? '', line)
    assert.equal(service.said(), '')
  }
  await Promise.all(wrong.map(refuse))
})

test('a PostgreSQL older than 15 is refused in one line', async (t) => {
  const { DATABASE_URL } = await database()
  // A real server whose answer is edited on its way, for none that old is at hand.
  const proxy = await startProxy(t, new URL(DATABASE_URL), (bytes) => replaced(bytes, /1[5-9]00\d\d/, '140011'))
  const command = movieBag(['migrate'], { DATABASE_URL: proxy })
  assert.equal(await command.end, 1)
  assert.match(
    command.complained(),
    /^movie-bag: The PostgreSQL server at .* is PostgreSQL 14, but Movie Bag needs 15 or newer\. .*\n$/,
  )
})

test('the start waits for a PostgreSQL that is not up yet, and logs it once', async (t) => {
  const { DATABASE_URL } = await database()
  const port = await freePort()
  const command = movieBag(['migrate'], { DATABASE_URL: withParts(new URL(DATABASE_URL), { port: String(port) }) })
  await command.until(/does not respond yet \(ECONNREFUSED\): waiting up to 10 seconds/)
  await startProxy(t, new URL(DATABASE_URL), (bytes) => bytes, port)
  assert.equal(await command.end, 0)
  assert.equal(command.said().match(/waiting/g)?.length, 1)
  assert.match(command.said(), /"event":"up-to-date"/)
})

test('Ctrl-C ends a start that waits', async () => {
  const port = await freePort()
  const command = movieBag(['serve'], { DATABASE_URL: `postgres://ada@127.0.0.1:${port}/movies` })
  await command.until(/waiting up to 10 seconds/)
  command.kill('SIGINT')
  assert.equal(await command.end, 0)
  assert.equal(command.complained(), '')
})

test('a read-only database is reported in one line', async () => {
  const { DATABASE_URL } = await database()
  const url = withParts(new URL(DATABASE_URL), { search: '?options=-c%20default_transaction_read_only%3Don' })
  const command = movieBag(['serve'], { DATABASE_URL: url })
  assert.equal(await command.end, 1)
  assert.match(
    command.complained(),
    /^movie-bag: The database .* cannot be migrated by user .*read-only transaction\.\n$/,
  )
})

test('a database used by another program is reported in one line and keeps its tables', async () => {
  const { DATABASE_URL } = await database()
  const client = new pg.Client(DATABASE_URL)
  await client.connect()
  await client.query('drop schema public cascade; create schema public; create table accounts (balance integer)')
  const command = movieBag(['serve'], { DATABASE_URL })
  assert.equal(await command.end, 1)
  assert.match(command.complained(), /^movie-bag: The database .* cannot be migrated .* "accounts" already exists\.\n$/)
  const { rows } = await client.query("select tablename as name from pg_tables where schemaname = 'public' order by 1")
  await client.end()
  assert.deepEqual(rows, [{ name: 'accounts' }])
})

test('a bug at the start is printed with its stack and exits with 1', async () => {
  const bug = join(folder, 'bug.mjs')
  writeFileSync(
    bug,
    `import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    fs.readdirSync = () => { throw new TypeError('a bug') }
    syncBuiltinESMExports()`,
  )
  const command = movieBag(['serve'], { ...(await database()), NODE_OPTIONS: `--import ${bug}` })
  assert.equal(await command.end, 1)
  assert.match(command.complained(), /TypeError: a bug\n( {4}at .*\n)* {4}at .*\/src\/.*\.ts:\d+/)
})

test('a misspelt setting in the environment causes a warning at the start', async () => {
  const command = movieBag(['migrate'], { ...(await database()), MAIL_SEVER: 'smtp.example.org' })
  assert.equal(await command.end, 0)
  assert.match(command.said(), /WARN: MAIL_SEVER .* Did you mean MAIL_SERVER\?/)
})

test('serve warns if other machines reach it in a way that the settings do not match', async (t) => {
  const url = 'https://movies.example.org'
  const expected: [Record<string, string>, RegExp[]][] = [
    [{ HOST: '0.0.0.0' }, [/HOST 0\.0\.0\.0 accepts connections .* set PUBLIC_URL/]],
    [{ HOST: '0.0.0.0', PUBLIC_URL: url }, [/HOST 0\.0\.0\.0 accepts plain http .* TRUST_PROXY/]],
    [{ HOST: '0.0.0.0', PUBLIC_URL: url, TRUST_PROXY: 'on' }, [/TRUST_PROXY trusts every machine/]],
    [{ HOST: '0.0.0.0', PUBLIC_URL: url, TRUST_PROXY: '10.0.0.1' }, []],
    [{ PUBLIC_URL: url, TRUST_PROXY: 'on' }, []],
  ]
  const start = async ([settings, warnings]: (typeof expected)[number]) => {
    const port = String(await freePort())
    const shared = { ...(await database()), PORT: port, MAIL_SUPPRESS_SEND: 'on' }
    const service = movieBag(['serve'], { ...shared, ...settings })
    t.after(() => service.kill('SIGKILL'))
    await service.until(/^ {2}Data .*\n\n/m)
    service.kill('SIGTERM')
    assert.equal(await service.end, 0)
    const lines = service.said().match(/WARN: .*/g) ?? []
    assert.equal(lines.length, warnings.length, lines.join('\n'))
    warnings.forEach((warning, index) => {
      assert.match(lines[index] ?? '', warning)
    })
  }
  await Promise.all(expected.map(start))
})

async function database() {
  return { DATABASE_URL: await createDatabase(), DATA_DIR: join(folder, 'data') }
}

function withParts(url: URL, parts: Partial<Record<'password' | 'pathname' | 'hostname' | 'port' | 'search', string>>) {
  return Object.assign(new URL(url), parts).href
}

/** Passes bytes on to a PostgreSQL and, edited, back. Answers the URL by which the same database is reached through it. */
async function startProxy(t: TestContext, url: URL, edit: (bytes: Buffer) => Buffer, port = 0) {
  const proxy = createServer((client) => {
    const server = connect(Number(url.port), url.hostname)
    client.pipe(server).on('data', (bytes) => client.write(edit(bytes)))
    server.on('close', () => client.destroy()).on('error', () => client.destroy())
    client.on('error', () => server.destroy())
  }).listen(port, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => proxy.close())
  const address = proxy.address()
  return withParts(url, { port: String(address && typeof address === 'object' ? address.port : port) })
}

function replaced(bytes: Buffer, pattern: RegExp, by: string): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(pattern, by), 'latin1')
}
