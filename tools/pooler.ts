// Runs two processes behind PgBouncer in transaction mode: `npm run pooler`. It needs the program `pgbouncer`, which does not
// come from npm, so it is not part of the tests.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { createDatabase } from '../test/database.ts'
import { freePort, passwordOf, secret } from '../test/movie-bag.ts'
import { type Service, startService, until } from '../test/service.ts'
import { startSmtp } from '../test/smtp.ts'

const people = 30

test('two processes behind a pooler answer every request, and send every mail', { timeout: 120_000 }, async (t) => {
  const { url, settings, smtp } = await behindPooler(t)
  await assert.rejects(startService('serve', settings), /set DATABASE_PREPARE=off/)
  const off = { ...settings, DATABASE_PREPARE: 'off' }
  const services = [await startService('serve', off), await startService('serve', off)] as const
  t.after(() => Promise.all(services.map((service) => service.end())))

  await Promise.all(Array.from({ length: people }, (_, number) => live(services, number)))
  const addresses = Array.from({ length: people }, (_, number) => emailOf(number))
  for (const address of addresses) await smtp.tokenFor(address)

  const stranger = new pg.Client(url)
  await stranger.connect()
  for (let turn = 0; turn < 50; turn += 1) {
    const { rows } = await stranger.query<{ statement_timeout: string }>('show statement_timeout')
    assert.equal(rows[0]?.statement_timeout, '0', 'a setting of ours has reached another user of the pooler')
  }
  await stranger.end()
})

/** What a person does in a minute, at one process and then at the other. */
async function live([first, second]: readonly [Service, Service], number: number): Promise<void> {
  const account = { email: emailOf(number), password: passwordOf(`${number}`) }
  const expect = async (service: Service, method: string, path: string, body?: object, headers = {}) => {
    const answer = await service.request(method, path, body, headers)
    assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`)
    return answer
  }
  await expect(first, 'POST', '/api/auth/signup', account)
  const { body } = await expect(second, 'POST', '/api/auth/login', account)
  const headers = { authorization: `Bearer ${body.token}` }
  for (let turn = 0; turn < 10; turn += 1) {
    const movie = { name: `Movie ${number}-${turn}`, casts: ['Ada Lovelace'], genres: ['Drama'] }
    const added = await expect(turn % 2 ? first : second, 'POST', '/api/movies', movie, headers)
    await expect(first, 'GET', `/api/movies/${added.body.id}`)
    // One network may have few searches under way.
    if (number < 3) await expect(second, 'GET', `/api/movies?q=${number}-${turn}&limit=5`)
    await expect(second, 'GET', '/api/movies?limit=20')
  }
  await expect(first, 'POST', '/api/auth/forgot', { email: account.email })
}

function emailOf(number: number): string {
  return `reader-${number}@example.org`
}

async function behindPooler(t: TestContext) {
  const database = new URL(await createDatabase())
  const folder = mkdtempSync(join(tmpdir(), 'movie-bag-pooler-'))
  chmodSync(folder, 0o777) // PgBouncer does not run as root
  const port = await freePort()
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    `[databases]
movies = host=${database.hostname} port=${database.port} dbname=${database.pathname.slice(1)} user=${database.username} password=${decodeURIComponent(database.password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_client_conn = 200
`,
  )
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const pooler = spawn('pgbouncer', ['-q', ...user, join(folder, 'pgbouncer.ini')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  t.after(async () => {
    pooler.kill('SIGTERM')
    await once(pooler, 'exit')
    rmSync(folder, { recursive: true })
  })
  const url = `postgres://${database.username}@127.0.0.1:${port}/movies`
  await until(() => canConnect(url), 'PgBouncer to start')
  const smtp = await startSmtp()
  t.after(() => smtp.stop())
  return { url, smtp, settings: { DATABASE_URL: url, JWT_SECRET_KEY: secret, MAIL_PORT: String(smtp.port) } }
}

async function canConnect(url: string): Promise<boolean> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end()
  }
}
