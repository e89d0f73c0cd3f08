import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { createDatabase } from '../../test/database.ts'
import { type Fault, type Point, startFaultySmtp } from '../../test/faulty-smtp.ts'
import { allMailSettled } from '../../test/mail-links.ts'
import { secret, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { buildApp } from '../app.ts'
import { readConfig } from '../config/config.ts'
import { openDatabase, sql } from '../database/database.ts'
import { tokenKey } from '../sessions/access-token.ts'

const smtp = await startFaultySmtp()
const bag = await startMovieBag({}, smtp)
after(async () => {
  await bag.stop()
  await smtp.stop()
})

const ok = { status: 'ok', database: 'ok', mail: 'ok' }
const deferred = 'The mail server is deferring mail, which stays queued. See the log of the mail worker.'

const john = await signUp(bag, 'john')
const others = [await signUp(bag, 'edsger'), await signUp(bag, 'tony'), await signUp(bag, 'leslie')]
await allMailSettled(bag)

test('deferred reset mails do not show in the health, as they would reveal who has an account', async () => {
  smtp.fault = greylist
  for (const { email, id } of others) {
    await bag.request('POST', '/api/auth/forgot', { email })
    await skipToThirdAttempt(id, 'reset-password')
  }
  assert.deepEqual(await ready(), ok)
})

test('the deferred mail of one account does not show in the health', async () => {
  await signUpWithDeferredMail('ada')
  assert.deepEqual(await ready(), ok)
})

test('mails of several accounts that are deferred repeatedly degrade the health, without a name', async () => {
  await signUpWithDeferredMail('grace')
  await signUpWithDeferredMail('alan')
  assert.deepEqual(await ready(), { ...ok, status: 'degraded', mail: deferred })
})

test('a reset mail that is sent in the meantime does not show in the health', async () => {
  smtp.fault = (point, line) => (line.includes(john.email) ? undefined : greylist(point, line))
  await bag.request('POST', '/api/auth/forgot', { email: john.email })
  const isSent = async () => {
    const rows = await bag.db.query(sql`
      select id from outbox where account_id = ${john.id} and kind = 'reset-password' and state = 'sent'`)
    return rows.length > 0
  }
  await until(isSent, 'the mail to be sent')
  assert.equal((await ready()).mail, deferred)
})

test('the health is ok once mail flows again', async () => {
  smtp.fault = () => undefined
  const barbara = await signUp(bag, 'barbara')
  await smtp.verificationTo(barbara.email)
  await until(async () => (await ready()).status === 'ok', 'the service to recover')
})

test('a problem that a worker reports is shown without reading the outbox', async () => {
  await bag.db.query(sql`update mail_server_state set problem = 'It is down.', since = now()`)
  await bag.db.transaction(async (tx) => {
    await tx.query(sql`lock table outbox`)
    const { mail } = await ready()
    assert.equal(mail, 'The mail server is unavailable; mail is queued. It is down.')
  })
  await bag.db.query(sql`update mail_server_state set problem = null`)
})

test('mail that no worker sends degrades the health after a minute', async (t) => {
  const databaseUrl = await createDatabase()
  const db = openDatabase(databaseUrl, { connections: 2, onError: () => {} })
  const config = readConfig({
    ENV_FILE_LOCATION: join(import.meta.dirname, '../../test/empty.env'),
    DATABASE_URL: databaseUrl,
    RATE_LIMITS: 'off',
  })
  const app = await buildApp({
    config,
    db,
    key: await tokenKey(secret),
    log: pino({ level: 'silent' }),
    version: '0.0.0',
  })
  t.after(async () => {
    await app.close()
    await db.close()
  })
  const health = async () => (await app.inject('/health/ready')).json()
  await app.inject({ method: 'POST', url: '/api/auth/forgot', payload: { email: 'ada@example.org' } })
  await db.query(sql`update outbox set due_at = now() - interval '50 seconds'`)
  assert.deepEqual(await health(), ok)
  await db.query(sql`update outbox set due_at = now() - interval '61 seconds'`)
  assert.deepEqual(await health(), {
    ...ok,
    status: 'degraded',
    mail: 'No mail worker is running; mail is queued. Start `movie-bag work` or `movie-bag serve`.',
  })
})

test('the report of a worker that has stopped expires after a minute', async () => {
  await bag.db.query(sql`update mail_server_state set problem = 'It is down.', since = now() - interval '50 seconds'`)
  assert.equal((await ready()).status, 'degraded')
  await bag.db.query(sql`update mail_server_state set since = now() - interval '61 seconds'`)
  assert.deepEqual(await ready(), ok)
})

function greylist(point: Point, line: string): Fault | undefined {
  return point === 'RCPT' ? { reply: `450 4.2.0 ${line} is greylisted` } : undefined
}

/** Signs up an account whose verification mail is deferred. */
async function signUpWithDeferredMail(name: string): Promise<void> {
  const { id } = await signUp(bag, name)
  await skipToThirdAttempt(id, 'verify-address')
}

/** Makes the deferred mail look like after its third attempt, with the next one far away. */
async function skipToThirdAttempt(accountId: string, kind: string): Promise<void> {
  const isDeferred = async () => {
    const rows = await bag.db.query(sql`
      update outbox set attempts = 3, due_at = now() + interval '1 hour'
      where account_id = ${accountId} and kind = ${kind} and state = 'deferred' returning id`)
    return rows.length > 0
  }
  await until(isDeferred, 'the mail to be deferred')
}

async function ready() {
  const { status, body } = await bag.request('GET', '/health/ready')
  assert.equal(status, 200)
  return body
}
