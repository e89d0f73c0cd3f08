import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { type Database, openDatabase, sql } from '../src/database/database.ts'
import { createDatabase } from './database.ts'
import { startFaultySmtp } from './faulty-smtp.ts'
import { allMailSettled } from './mail-links.ts'
import { freePort, logIn, secret, signUp } from './movie-bag.ts'
import { type Service, startService, until } from './service.ts'
import { startSmtp } from './smtp.ts'
import { expireLeases } from './time.ts'

// Some of these wait for another process, so they run concurrently.
suite('several processes on one database', { concurrency: 3 }, () => {
  test('three workers send sixty mails, none of them twice', async (t) => {
    const smtp = await startSmtp()
    const { db, settings } = await database(smtp.port)
    const [service, ...workers] = await Promise.all([
      startService('serve', settings),
      startService('work', settings),
      startService('work', settings),
    ])
    t.after(() => stopAll(service, ...workers, smtp, db))
    const ada = await signUp(service, 'ada')
    await db.query(sql`
      insert into accounts (email, email_canonical, password_hash)
      select 'reader-' || n || '@example.org', 'reader-' || n || '@example.org', password_hash
      from accounts, generate_series(1, 60) as n where id = ${ada.id}`)
    const readers = Array.from({ length: 60 }, (_, index) => `reader-${index + 1}@example.org`)
    await Promise.all(readers.map((email) => service.request('POST', '/api/auth/forgot', { email })))
    await allMailSettled({ db })
    assert.deepEqual(smtp.mails.map((mail) => mail.recipients[0]).toSorted(), readers.toSorted())
  })

  test('a mail is not lost if the process dies before sending it', async (t) => {
    const port = await freePort()
    const { db, settings } = await database(port)
    const service = await startService('serve', settings)
    const ada = await signUp(service, 'ada')
    assert.equal((await service.request('POST', '/api/auth/forgot', { email: ada.email })).status, 200)
    assert.equal(await service.end('SIGKILL'), null)

    const smtp = await startSmtp({}, port)
    const next = await startService('serve', settings)
    t.after(() => stopAll(next, smtp, db))
    const body = { reset_token: await smtp.tokenFor(ada.email), password: 'a new and long password' }
    assert.equal((await next.request('POST', '/api/auth/reset', body)).status, 200)
  })

  test('a mail claimed by a killed worker is sent by another', async (t) => {
    const { smtp, db, settings, service } = await claimedMail(t, 'RCPT')
    assert.equal(await service.end('SIGKILL'), null)
    await expireLeases({ db })

    smtp.fault = () => undefined
    const other = await startService('work', settings)
    t.after(() => other.end())
    await until(() => smtp.mails.length > 0, 'another worker to send the mail')
    await allMailSettled({ db })
    assert.equal(smtp.mails.length, 1)
  })

  test('a server that is slow to greet and to accept gets one copy of a mail, and shows as slow meanwhile', async (t) => {
    const smtp = await startSmtp({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onConnect: (_session, done) => void setTimeout(done, 12_000),
    })
    const { db, settings } = await database(smtp.port)
    const service = await startService('serve', settings)
    t.after(() => stopAll(service, smtp, db))
    const ada = await signUp(service, 'ada')
    await until(async () => {
      const { body } = await service.request('GET', '/health/ready')
      return /slow to respond/.test(body.mail)
    }, 'the health check to say that the server is slow')
    await smtp.verificationTo(ada.email)
    await allMailSettled({ db })
    assert.equal(smtp.verifications.length, 1)
    assert.equal((await service.request('GET', '/health/ready')).body.mail, 'ok')
  })

  test('a service stops in time while the mail server is silent, and the next one sends the mail', async (t) => {
    const { smtp, settings, service } = await claimedMail(t, 'DATA')
    assert.equal(await service.end('SIGTERM'), 0, service.output())
    smtp.fault = () => undefined
    const next = await startService('work', settings)
    t.after(() => next.end())
    await until(() => smtp.mails.length === 1, 'the mail to be sent')
  })

  test('SIGTERM under load finishes the requests and the claimed mails', async (t) => {
    const onRcptTo = (_address: unknown, _session: unknown, done: () => void) => void setTimeout(done, 300)
    const smtp = await startSmtp({ disabledCommands: ['AUTH', 'STARTTLS'], onRcptTo })
    const { db, settings } = await database(smtp.port)
    const service = await startService('serve', settings)
    t.after(() => stopAll(smtp, db))
    const ada = await signUp(service, 'ada')
    await db.query(sql`
      insert into accounts (email, email_canonical, password_hash)
      select 'load-' || n || '@example.org', 'load-' || n || '@example.org', password_hash
      from accounts, generate_series(1, 5000) as n where id = ${ada.id}`)

    const keepAlive = new Agent({ keepAlive: true })
    let asked = 0
    let answered = 0
    const ask = async (agent: Agent | false): Promise<string> => {
      for (;;) {
        asked += 1
        const end = await post(service.url, { email: `load-${asked}@example.org` }, agent)
        if (end !== '200') return end
        answered += 1
      }
    }
    const clients = [keepAlive, keepAlive, keepAlive, keepAlive, false, false] as const
    const ends = Promise.all(clients.map(ask))
    await until(() => answered > 100 && smtp.mails.length > 0, 'the load to build up')
    assert.equal(await service.end('SIGTERM'), 0, service.output())

    const [first, second, third, fourth, ...fresh] = await ends
    for (const end of [first, second, third, fourth]) assert.equal(end, 'ECONNREFUSED')
    for (const end of fresh) assert.match(end, /^ECONN(REFUSED|RESET)$/)
    const rows = await db.query<{ isClaimed: boolean }>(sql`
      select lease_id is not null as "isClaimed" from outbox where kind = 'reset-password'`)
    assert.equal(rows.length, answered, 'every queued mail had its response')
    assert.ok(!rows.some((row) => row.isClaimed))
    const [sent] = await db.query<{ count: number }>(sql`
      select count(*)::int from outbox where state = 'sent' and kind = 'reset-password'`)
    assert.equal(smtp.mails.length, sent?.count)
  })

  test('Ctrl-C stops a service and its embedded database without losing data', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'movie-bag-ctrl-c-'))
    // Run as root, PostgreSQL uses another user, who must be able to enter the folder.
    chmodSync(folder, 0o755)
    const smtp = await startSmtp()
    const settings = { DATA_DIR: join(folder, 'data'), MAIL_PORT: String(smtp.port) }
    const service = await startService('serve', settings)
    const ada = await signUp(service, 'ada')
    process.kill(-(service.child.pid ?? Number.NaN), 'SIGINT')
    assert.equal(await service.end('SIGCONT'), 0, service.output())

    const next = await startService('serve', settings)
    t.after(async () => {
      await stopAll(next, smtp)
      rmSync(folder, { recursive: true, force: true })
    })
    await logIn(next, ada)
  })
})

/** Starts a service with a claimed mail to Ada: the mail server falls silent at this point of her second mail. */
async function claimedMail(t: TestContext, silentAt: 'RCPT' | 'DATA') {
  const smtp = await startFaultySmtp()
  const { db, settings } = await database(smtp.port)
  const service = await startService('serve', settings)
  t.after(() => stopAll(service, smtp, db))
  const ada = await signUp(service, 'ada')
  await allMailSettled({ db })
  let isClaimed = false
  smtp.fault = (point) => {
    isClaimed ||= point === silentAt
    return point === silentAt ? 'silence' : undefined
  }
  await service.request('POST', '/api/auth/forgot', { email: ada.email })
  await until(() => isClaimed, 'the mail to be claimed')
  return { smtp, db, settings, service }
}

async function database(smtpPort: number) {
  const url = await createDatabase()
  return {
    db: openDatabase(url, { connections: 2, onError: () => {} }),
    settings: { DATABASE_URL: url, JWT_SECRET_KEY: secret, MAIL_PORT: String(smtpPort) },
  }
}

/** Sends a request and returns its status, or the code of its error. */
function post(url: string, body: object, agent: Agent | false): Promise<string> {
  return new Promise((resolve) => {
    const options = { method: 'POST', agent, headers: { 'content-type': 'application/json' } }
    const asking = httpRequest(`${url}/api/auth/forgot`, options, (response) => {
      response.resume().once('end', () => resolve(String(response.statusCode)))
    })
    asking.once('error', (error) => resolve('code' in error ? String(error.code) : error.message))
    asking.end(JSON.stringify(body))
  })
}

async function stopAll(...parts: (Service | Pick<Database, 'close'> | { stop: () => Promise<void> })[]): Promise<void> {
  for (const part of parts) {
    if ('end' in part) await part.end()
    else if ('stop' in part) await part.stop()
    else await part.close()
  }
}
