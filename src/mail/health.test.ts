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
const putOff = 'The mail server puts mail off, and mail waits. The log of the worker says why.'

const john = await signUp(bag, 'john')
const others = [await signUp(bag, 'edsger'), await signUp(bag, 'tony'), await signUp(bag, 'leslie')]
await allMailSettled(bag)

test('mails to set a password that are put off tell strangers nothing of who has an account', async () => {
  smtp.fault = greylist
  for (const { email, id } of others) {
    await bag.request('POST', '/api/auth/forgot', { email })
    await becomeThirdAttempt(id, 'reset-password')
  }
  assert.deepEqual(await ready(), ok)
})

test('a mail that is put off tells strangers nothing: no address, and not that there is a mail', async () => {
  await signUpPutOff('ada')
  assert.deepEqual(await ready(), ok)
})

test('mail to several accounts that is put off again and again is trouble, told without a name', async () => {
  await signUpPutOff('grace')
  await signUpPutOff('alan')
  assert.deepEqual(await ready(), { ...ok, status: 'degraded', mail: putOff })
})

test('a mail to set a password that is sent meanwhile tells strangers nothing either', async () => {
  smtp.fault = (point, line) => (line.includes(john.email) ? undefined : greylist(point, line))
  await bag.request('POST', '/api/auth/forgot', { email: john.email })
  const isSent = async () => {
    const rows = await bag.db.query(sql`
      select id from outbox where account_id = ${john.id} and kind = 'reset-password' and state = 'sent'`)
    return rows.length > 0
  }
  await until(isSent, 'the mail to be sent')
  assert.equal((await ready()).mail, putOff)
})

test('mail that flows again is no trouble', async () => {
  smtp.fault = () => undefined
  const barbara = await signUp(bag, 'barbara')
  await smtp.verificationTo(barbara.email)
  await until(async () => (await ready()).status === 'ok', 'the service to be well')
})

test('trouble that a worker tells is told without a look at the mail that waits', async () => {
  await bag.db.query(sql`update mail_server_state set problem = 'It is down.', since = now()`)
  await bag.db.transaction(async (tx) => {
    await tx.query(sql`lock table outbox`)
    const { mail } = await ready()
    assert.equal(mail, 'The mail server cannot be used, and mail waits. It is down.')
  })
  await bag.db.query(sql`update mail_server_state set problem = null`)
})

test('mail that no worker sends is trouble after a minute', async (t) => {
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
    mail: 'No worker sends mail, and mail waits. Start `movie-bag work` or `serve`.',
  })
})

test('trouble that a worker told which has ended since is forgotten after a minute', async () => {
  await bag.db.query(sql`update mail_server_state set problem = 'It is down.', since = now() - interval '50 seconds'`)
  assert.equal((await ready()).status, 'degraded')
  await bag.db.query(sql`update mail_server_state set since = now() - interval '61 seconds'`)
  assert.deepEqual(await ready(), ok)
})

function greylist(point: Point, line: string): Fault | undefined {
  return point === 'RCPT' ? { reply: `450 4.2.0 ${line} is greylisted` } : undefined
}

/** Signs somebody up whose mail to confirm the address is put off. */
async function signUpPutOff(name: string): Promise<void> {
  const { id } = await signUp(bag, name)
  await becomeThirdAttempt(id, 'verify-address')
}

/** As after a third attempt that the server put off, with the next one far away. */
async function becomeThirdAttempt(accountId: string, kind: string): Promise<void> {
  const isPutOff = async () => {
    const rows = await bag.db.query(sql`
      update outbox set attempts = 3, due_at = now() + interval '1 hour'
      where account_id = ${accountId} and kind = ${kind} and state = 'deferred' returning id`)
    return rows.length > 0
  }
  await until(isPutOff, 'the mail to be put off')
}

async function ready() {
  const { status, body } = await bag.request('GET', '/health/ready')
  assert.equal(status, 200)
  return body
}
