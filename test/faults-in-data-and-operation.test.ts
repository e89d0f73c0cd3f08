import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { sql } from '../src/database/database.ts'
import { movieBag } from './command.ts'
import { assertError } from './contract.ts'
import { createDatabase, createTemplate, dropDatabases } from './database.ts'
import { freePort, logIn, request, signUp, startMovieBag } from './movie-bag.ts'

// The faults of the original that concern its data and its operation, a story each.

const bag = await startMovieBag()
after(() => bag.stop())
const account = await signUp(bag, 'ada')
const ada = await logIn(bag, account)
const fields = { casts: ['Brigitte Helm'], genres: ['Drama'] }

test('data: what fails half way leaves nothing behind', async (t) => {
  const client = await connect(bag.databaseUrl)
  t.after(() => client.end())
  await client.query(
    `create function fail() returns trigger language plpgsql as 'begin raise exception ''half way''; end'`,
  )
  for (const table of ['outbox', 'movies']) {
    await client.query(`create trigger fail after insert on ${table} for each row execute function fail()`)
  }
  const grace = { email: 'grace@example.org', password: 'the long password of grace' }
  const film = { name: 'Half a film', ...fields }
  assertError(await bag.request('POST', '/api/auth/signup', grace), 'InternalServerError')
  assertError(await bag.request('POST', '/api/movies', film, ada), 'InternalServerError')
  for (const table of ['outbox', 'movies']) await client.query(`drop trigger fail on ${table}`)
  assert.deepEqual((await bag.request('GET', '/api/movies')).body, [])
  assert.equal((await bag.request('POST', '/api/movies', film, ada)).status, 200)
  assert.equal((await bag.request('POST', '/api/auth/signup', grace)).status, 200)
})

test('data: a change is validated like a movie that is added', async () => {
  const { id } = (await bag.request('POST', '/api/movies', { name: 'Solaris', ...fields }, ada)).body
  for (const change of [
    {},
    { name: '' },
    { name: 7 },
    { casts: [] },
    { genres: 'Drama' },
    { casts: [''] },
    { year: 'x' },
  ]) {
    assertError(await bag.request('PUT', `/api/movies/${id}`, change, ada), 'SchemaValidationError')
  }
  assert.equal((await bag.request('GET', `/api/movies/${id}`)).body.name, 'Solaris')
})

test('data: a list comes in pages, however long it is', async () => {
  await addMany(250)
  const { body, headers } = await bag.request('GET', '/api/movies')
  assert.equal(body.length, 100)
  assert.match(headers.get('link') ?? '', /rel="next"/)
})

test('data: adding and deleting a movie costs the same however many its owner has', async (t) => {
  const client = await connect(bag.databaseUrl)
  t.after(() => client.end())
  const adasRow = () => client.query('select ctid, xmin from accounts where id = $1', [account.id])
  await addMany(5000)
  await client.query('analyze movies')
  const { rows: before } = await adasRow()
  const { id } = (await bag.request('POST', '/api/movies', { name: 'One more', ...fields }, ada)).body
  assert.equal((await bag.request('DELETE', `/api/movies/${id}`, undefined, ada)).status, 200)
  assert.deepEqual((await adasRow()).rows, before, 'the account’s own row was written again')

  // Every connection of the service is asked at once: one of them has prepared the statement.
  const prepared = await Promise.all(
    Array.from({ length: 10 }, () =>
      bag.db.query<{ statement: string }>(sql`
        select statement from pg_prepared_statements where statement ~ ${'delete from movies\\s+where id'}`),
    ),
  )
  await client.query(`prepare removal as ${prepared.flat()[0]?.statement}`)
  const plan = await client.query(`explain execute removal (${id}, '${account.id}')`)
  // Whichever index is taken, the movie's id is part of what is looked up in it.
  assert.match(JSON.stringify(plan.rows), /Index Scan using movies_\w+.*Index Cond: [^"]*\(id = /)
  assert.doesNotMatch(JSON.stringify(plan.rows), /Seq Scan/)
})

test('operation: one command, with nothing configured, brings the database and the inbox along', async (t) => {
  const dataDir = temporaryFolder(t)
  const port = await freePort()
  const service = movieBag(['serve'], { PORT: String(port), DATA_DIR: dataDir })
  t.after(() => {
    service.kill('SIGTERM')
    return service.end
  })
  const said = await service.until(/Data +\S/)
  assert.match(said, /Movie Bag is ready/)
  const there = {
    request: (method: string, path: string, body?: unknown) => request(`http://127.0.0.1:${port}`, method, path, body),
  }
  const { email } = await signUp(there, 'ada')
  assert.equal((await there.request('POST', '/api/auth/forgot', { email })).status, 200)
  const inbox = /Inbox +(\S+)/.exec(said)?.[1] ?? assert.fail(said)
  assert.equal((await fetch(inbox, { headers: { accept: 'text/html' } })).status, 200)
})

test('operation: the secret that a tutorial published, and a weak one, refuse to start', async () => {
  for (const JWT_SECRET_KEY of ['t1NP63m4wnBg6nyHYKfmc2TpCOGI4nss', 'secret']) {
    const service = movieBag(['serve'], { JWT_SECRET_KEY, DATABASE_URL: bag.databaseUrl })
    assert.equal(await service.end, 1)
    assert.match(service.complained(), /^movie-bag: .*JWT_SECRET_KEY .+\n$/)
    assert(!service.complained().includes(JWT_SECRET_KEY))
  }
})

test('operation: tests touch no database but those they made', async (t) => {
  const precious = await createDatabase()
  const client = await connect(precious)
  t.after(() => client.end())
  await client.query(`insert into accounts (email, email_canonical) values ('p@example.org', 'p@example.org')`)
  const before = process.env['DATABASE_URL']
  process.env['DATABASE_URL'] = precious
  t.after(() => {
    if (before === undefined) delete process.env['DATABASE_URL']
    else process.env['DATABASE_URL'] = before
  })
  const other = await startMovieBag()
  await signUp(other, 'ada')
  await other.stop()
  const { TEST_SERVER_URL: server = '', TEST_DATABASE_PREFIX: prefix = '' } = process.env
  await createTemplate(server, `${prefix}x`)
  await dropDatabases(server, `${prefix}x`)
  assert.deepEqual((await client.query('select email from accounts')).rows, [{ email: 'p@example.org' }])
})

test('operation: no setting is silently ignored', async (t) => {
  const folder = temporaryFolder(t)
  const lines: Record<string, RegExp> = {
    'MAIL_SERVER: "smtp.example.org"': /Line 1 .* MAIL_SERVER=value/,
    'MAIL_SERVR=smtp.example.org': /MAIL_SERVR is not a setting/,
    'MAIL_USE_TLS=maybe': /MAIL_USE_TLS is "maybe": it takes on or off/,
    'MAIL_PORT=587': /MAIL_SERVER is missing/,
  }
  const starts = Object.entries(lines).map(async ([line, expected], index) => {
    const file = join(folder, `${index}.env`)
    writeFileSync(file, `${line}\n`)
    const service = movieBag(['serve'], { ENV_FILE_LOCATION: file, DATABASE_URL: bag.databaseUrl })
    assert.equal(await service.end, 1, line)
    assert.match(service.complained(), expected)
    assert.equal(service.complained().trimEnd().split('\n').length, 1)
  })
  await Promise.all(starts)
})

function temporaryFolder(t: { after: (work: () => void) => void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'movie-bag-fault-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  return client
}

async function addMany(count: number): Promise<void> {
  await bag.db.query(sql`
    insert into movies (name, casts, genres, added_by)
    select 'Film ' || gen_random_uuid(), '{Somebody}', '{Drama}', ${account.id}::uuid
    from generate_series(1, ${count}::int)`)
}
