import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { pino } from 'pino'
import { adminUrl } from '../../../test/postgres.ts'
import { StartError } from '../../errors.ts'
import { findErrorLine, linkLibraries } from './binaries.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './start.ts'

const isRoot = process.getuid?.() === 0

const noRights = {
  rolsuper: false,
  rolcreaterole: false,
  rolcreatedb: false,
  rolreplication: false,
  rolbypassrls: false,
}

// Together, for most of the time they wait.
describe('the embedded PostgreSQL', { concurrency: 3 }, () => {
  test('the first start creates an empty database, and the second finds its data', async (t) => {
    const { dataDir, start } = await createTestFolder(t)
    const first = await start(dataDir)
    assert.match(first.version, /^18\./)
    await ask(first.url, 'create table movie as select 1 as id')
    await first.stop()
    await first.stop()
    await assert.rejects(ask(first.url, 'select 1'), { code: 'ENOENT' })

    const second = await start(dataDir)
    assert.equal(second.adopted, false)
    assert.deepEqual(await ask(second.url, 'select id from movie'), [{ id: 1 }])
  })

  test('PostgreSQL and its data survive a SIGKILL of the service and all its process group', async (t) => {
    const { dataDir, start, spawnService } = await createTestFolder(t)
    const service = spawnService(dataDir)
    const [url] = await once(service, 'message')
    await ask(url, 'create table movie as select 1 as id')
    assert(service.pid)
    process.kill(-service.pid, 'SIGKILL')
    const next = await start(dataDir)
    assert.equal(next.adopted, true)
    assert.equal(next.url, url)
    assert.deepEqual(await ask(next.url, 'select id from movie'), [{ id: 1 }])
  })

  test('data whose superuser was the service, as before 0.2.0, is handed over to the service', async (t) => {
    const { dataDir, start } = await createTestFolder(t)
    const first = await start(dataDir)
    const admin = adminUrl(first.url, first.directory)
    await ask(
      admin,
      `alter database movie_bag owner to movie_bag;
       create extension pg_trgm;
       create table movie (id int generated always as identity, title text);
       insert into movie (title) values ('Metropolis');
       create function titles() returns setof text language sql as 'select title from movie'`,
    )
    await first.stop()
    const second = await start(dataDir)
    await ask(second.url, "alter table movie add column year int; insert into movie (title) values ('Alien')")
    await ask(second.url, "create or replace function titles() returns setof text language sql as 'select 1::text'")
    await ask(second.url, 'create extension if not exists unaccent')
    assert.deepEqual(await ask(second.url, 'select title from movie order by id'), [
      { title: 'Metropolis' },
      { title: 'Alien' },
    ])
  })

  test('where the path is too long for a socket, PostgreSQL listens on 127.0.0.1', async (t) => {
    const { dataDir, start } = await createTestFolder(t)
    const longDir = join(dataDir, 'x'.repeat(110))
    const first = await start(longDir)
    assert.equal(new URL(first.url).hostname, '127.0.0.1')
    assert.deepEqual(await ask(first.url, 'select 1 as one'), [{ one: 1 }])
  })

  test('a stale postmaster.pid does not prevent a start', async (t) => {
    const { dataDir, start } = await createTestFolder(t)
    const { directory, stop } = await start(dataDir)
    const file = join(directory, 'postmaster.pid')
    const pidFile = await readFile(file, 'utf8')
    await stop()

    const { uid, gid } = await stat(directory)
    const stranger = spawn('sleep', ['60'], { uid, gid })
    const program = createServer().listen(0, '127.0.0.1')
    t.after(() => stranger.kill() && program.close())
    await Promise.all([once(stranger, 'spawn'), once(program, 'listening')])
    const address = program.address()
    assert(address !== null && typeof address === 'object')

    const lines = pidFile.split('\n')
    const recycled = [stranger.pid, lines[1], lines[2], address.port, ...lines.slice(4)].join('\n')
    for (const stale of [pidFile, recycled, '']) {
      await writeFile(file, stale)
      const next = await start(dataDir)
      assert.equal(next.adopted, false)
      assert.deepEqual(await ask(next.url, 'select 1 as one'), [{ one: 1 }])
      await next.stop()
    }
  })

  test('a service in another container does not start on the same data, until the first was killed', async (t) => {
    const { dataDir, spawnContainer } = await createTestFolder(t)
    const first = spawnContainer(dataDir)
    const [started] = await once(first, 'message')
    assert.match(started, /^postgres:/)
    const [refusal] = await once(spawnContainer(dataDir), 'message')
    assert.match(refusal, /^Movie Bag is already running on the data in .* \(process \d+ on .+\)\./)
    first.kill('SIGKILL')
    const [next] = await once(spawnContainer(dataDir), 'message')
    assert.match(next, /^postgres:/)
  })

  test('a first start that was killed does not prevent the next', async (t) => {
    const { dataDir, start, spawnService } = await createTestFolder(t)
    const service = spawnService(dataDir)
    await until(async () => (await readdir(dataDir)).join().includes('postgres.new-'))
    service.kill('SIGKILL')
    await once(service, 'exit')
    assert.match((await readdir(dataDir)).join(), /postgres\.new-/)
    const { url } = await start(dataDir)
    assert.deepEqual(await ask(url, 'select 1 as one'), [{ one: 1 }])
    assert.deepEqual((await readdir(dataDir)).sort(), [
      'postgres',
      'postgres.lock',
      'postgres.lock.owner',
      'postgres.log',
    ])
  })

  test('a data folder in a private folder works, even as root', async (t) => {
    const { dataDir, start } = await createTestFolder(t)
    const home = join(dirname(dataDir), 'home')
    await mkdir(home, { mode: 0o700 })
    const { directory, stop } = await start(join(home, 'data'))
    await stop()
    const again = await start(join(home, 'data'))
    assert.deepEqual(await ask(again.url, 'select 1 as one'), [{ one: 1 }])
    assert.equal(again.directory, directory)
    if (isRoot) {
      t.after(() => rm(directory, { recursive: true }))
      assert.match(directory, /^\/var\/lib\/movie-bag\/[0-9a-f]{8}-[0-9a-f]{8}$/)
      assert.equal(await readlink(join(home, 'data', 'postgres')), directory)
    } else {
      assert.equal(directory, join(await realpath(home), 'data', 'postgres'))
    }
  })

  test('errors that keep PostgreSQL from its data are reported in one line', async (t) => {
    const { dataDir, start } = await createTestFolder(t)
    await mkdir(join(dataDir, 'postgres'), { recursive: true })
    await writeFile(join(dataDir, 'postgres', 'diary.txt'), '')
    await refuses(start(dataDir), /\/data\/postgres contains files that do not belong to PostgreSQL/)
    await rm(dataDir, { recursive: true })

    await refuses(start(dataDir, { work_mem: 'plenty' }), /invalid value for parameter "work_mem".* \(see .*\.log\)/)
    const password = join(dataDir, 'postgres', 'movie-bag-password')
    await rename(password, `${password}.kept`)
    await refuses(start(dataDir), /movie-bag-password/)
    await writeFile(password, 'a-guess')
    await refuses(start(dataDir), /password authentication failed/)
    await rename(`${password}.kept`, password)
    await (await start(dataDir)).stop()

    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '17\n')
    await refuses(start(dataDir), /was created by PostgreSQL 17, but this is 18\. .*DATA_DIR/)
    await rm(join(dataDir, 'postgres'), { recursive: true })
    await symlink('/nowhere', join(dataDir, 'postgres'))
    await refuses(start(dataDir), /links to \/nowhere, which has no data/)
    await refuses(start('/dev/null/data'), /on the data in \/dev\/null\/data: E/)
  })

  test('the first error that PostgreSQL prints is reported, with its hint', () => {
    const output = `selecting default time zone ... UTC
      2026-11-22 23:33:21.690 UTC [21096] FATAL:  the database system is starting up
      running bootstrap script ... 2026-11-22 23:33:21.696 UTC [21096] FATAL:  could not extend file "base/1/2691"
      2026-11-22 23:33:21.696 UTC [21096] HINT:  Check free disk space.
      2026-11-22 23:33:21.696 UTC [21096] PANIC:  cannot abort transaction 1
      initdb: removing data directory "x"`
    assert.equal(findErrorLine(output), 'FATAL:  could not extend file "base/1/2691" HINT:  Check free disk space.')
    assert.equal(findErrorLine('loading\n cannot open libpq.so.5\n\n'), 'cannot open libpq.so.5')
  })

  test('links between libraries that npm did not create are created', async (t) => {
    const { dataDir } = await createTestFolder(t)
    const libraries = join(dataDir, 'native', 'lib')
    await mkdir(libraries, { recursive: true })
    await writeFile(join(libraries, 'libpq.so.5.18'), 'code')
    const links = ['libpq.so', 'libpq.so.5'].map((name) => ({
      source: 'native/lib/libpq.so.5.18',
      target: `native/lib/${name}`,
    }))
    await writeFile(join(dataDir, 'native', 'pg-symlinks.json'), JSON.stringify(links))
    await Promise.all([linkLibraries(dataDir), linkLibraries(dataDir)])
    assert.equal(await readFile(join(libraries, 'libpq.so'), 'utf8'), 'code')
    assert.equal(await readlink(join(libraries, 'libpq.so.5')), 'libpq.so.5.18')
  })

  test('while it runs', async (t) => {
    const { dataDir, start } = await createTestFolder(t)
    const server = await start(dataDir)

    await t.test('text is the same on every system', async () => {
      const statement = `select lower('ÀÉ') as lower, 'Z' < 'a' and 'a' < 'é' as by_code_point,
        current_setting('server_encoding') as encoding, current_setting('timezone') as timezone`
      assert.deepEqual(await ask(server.url, statement), [
        { lower: 'àé', by_code_point: true, encoding: 'UTF8', timezone: 'UTC' },
      ])
    })

    await t.test('only the user of the service, with the password, can connect', async () => {
      const guess = new URL(server.url)
      guess.password = 'a-guess'
      await assert.rejects(ask(guess.href, 'select 1'), { code: '28P01' })
      const statement = `select current_setting('listen_addresses') as addresses,
        current_setting('unix_socket_directories') as sockets`
      assert.deepEqual(await ask(adminUrl(server.url, server.directory), statement), [
        { addresses: '', sockets: server.directory },
      ])
      assert.equal((await stat(server.directory)).mode & 0o777, 0o700)
    })

    await t.test('the service has no rights except on its own database', async () => {
      const [role] = await ask(server.url, 'select * from pg_roles where rolname = current_user')
      const { rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls } = role
      assert.deepEqual({ rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls }, noRights)
      const forbidden = { code: '42501' }
      await assert.rejects(ask(server.url, "select pg_read_file('movie-bag-password')"), forbidden)
      await assert.rejects(ask(server.url, "copy (select 1) to program 'id'"), forbidden)
      await assert.rejects(ask(server.url, "alter system set listen_addresses = '*'"), forbidden)
    })

    await t.test('a second start on the same data says so in one line, and leaves the first alone', async () => {
      await refuses(
        start(dataDir),
        /is already running on the data in .*\/data \(process \d+ on .+\)\. Use that one, stop it/,
      )
      assert.deepEqual(await ask(server.url, 'select 1 as one'), [{ one: 1 }])
    })

    const ours = "pid from pg_stat_activity where datname = 'postgres'"

    await t.test(
      'our connection is replaced if the administrator terminates it, and the data stays locked',
      async () => {
        const admin = adminUrl(server.url, server.directory)
        const [{ pid }] = await ask(admin, `select pg_terminate_backend(pid), ${ours}`)
        await until(async () => (await ask(server.url, `select ${ours} and pid <> ${pid}`)).length === 1)
        await refuses(start(dataDir), /already running/)
      },
    )

    await t.test('PostgreSQL killed under the service is started again in the same place', async () => {
      await ask(server.url, 'create table movie as select 1 as id')
      for (let kills = 0; kills < 2; kills++) {
        process.kill(await processOf(server.directory), 'SIGKILL')
        await until(async () => (await ask(server.url, 'select id from movie')).length === 1)
        await until(async () => (await ask(server.url, `select ${ours}`)).length === 1)
      }
      await refuses(start(dataDir), /already running/)
    })

    await t.test('a copy of a data folder in use is not taken for the original', async () => {
      const copyDir = join(dirname(dataDir), 'copy')
      await promisify(execFile)('cp', ['-a', dataDir, copyDir])
      const copy = await start(copyDir)
      assert.equal(copy.adopted, false)
      assert.notEqual(copy.url, server.url)
    })

    await t.test('files are readable by their owner only', async () => {
      await server.stop()
      for (const file of await readdir(dataDir, { recursive: true })) {
        assert.equal((await stat(join(dataDir, file))).mode & 0o077, 0, file)
      }
      // As root, PostgreSQL's user passes through to its own folder.
      assert.equal((await stat(dataDir)).mode & 0o777, isRoot ? 0o710 : 0o700)
    })
  })
})

/** A data folder yet to be made, and ways to start services on it, all of which end with the test. */
async function createTestFolder(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'movie-bag-'))
  if (isRoot) await chmod(folder, 0o711)
  const running: EmbeddedPostgres[] = []
  t.after(async () => {
    await Promise.all(running.map(({ stop }) => stop()))
    // The processes of a container that was killed may still be ending.
    await rm(folder, { recursive: true, maxRetries: 9 })
  })

  const start = async (dataDir: string, more: Record<string, string> = {}) => {
    const log = pino({ level: 'silent' })
    const server = await startEmbeddedPostgres({ dataDir, log, settings: { fsync: 'off', ...more } })
    running.push(server)
    return server
  }
  const spawnService = (dataDir: string) => {
    const service = spawn(process.execPath, [script, dataDir], {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    t.after(() => service.kill('SIGKILL'))
    return service
  }
  const spawnContainer = (dataDir: string) => {
    const command = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, script, dataDir]
    const service = spawn('unshare', [...namespaces, ...command], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    t.after(() => service.kill('SIGKILL'))
    return service
  }
  return { dataDir: join(folder, 'data'), start, spawnService, spawnContainer }
}

const script = join(import.meta.dirname, '../../../test/embedded-service.ts')

/** What containers on one machine do not share. The kernel kills all processes of a container with its first. */
const namespaces = [
  '--fork',
  '--kill-child',
  '--pid',
  '--mount-proc',
  '--ipc',
  '--net',
  '--uts',
  ...(isRoot ? [] : ['--map-root-user']),
]

async function ask(url: string, statement: string) {
  const client = new Client(url)
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

async function refuses(start: Promise<EmbeddedPostgres>, reason: RegExp) {
  await assert.rejects(start, (error) => {
    assert(error instanceof StartError)
    assert.match(error.message, reason)
    assert(!error.message.includes('\n'), 'one line')
    return true
  })
}

async function processOf(directory: string) {
  return Number((await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n')[0])
}

/** Waits until `holds` does, for at most 10 seconds. */
async function until(holds: () => Promise<boolean>) {
  for (const end = Date.now() + 10_000; !(await holds().catch(() => false)); await sleep(50)) {
    assert(Date.now() < end, 'waited in vain')
  }
}
