import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { createDatabase } from '../../test/database.ts'
import { startFaultySmtp } from '../../test/faulty-smtp.ts'
import { secret, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { tokenKey } from '../accounts/access-token.ts'
import { buildApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { openDatabase, sql } from '../database/database.ts'

const smtp = await startFaultySmtp()
const bag = await startMovieBag({}, smtp)
after(async () => {
  await bag.stop()
  await smtp.stop()
})

const ok = { status: 'ok', database: 'ok', mail: 'ok' }

test('a mail that is put off tells strangers nothing: no address, and not that there is a mail', async () => {
  smtp.fault = (point, line) => (point === 'RCPT' ? { reply: `450 4.2.0 ${line} is greylisted` } : undefined)
  await putOffThrice('ada')
  assert.deepEqual(await ready(), ok)
})

test('mail to several accounts that is put off again and again is trouble, told without a name', async () => {
  await putOffThrice('grace')
  await putOffThrice('alan')
  const { status, mail } = await ready()
  assert.equal(status, 'degraded')
  assert.equal(mail, 'The mail server puts mail off, and mail waits. The log of the worker says why.')
})

test('mail that flows again is no trouble', async () => {
  smtp.fault = () => undefined
  const barbara = await signUp(bag, 'barbara')
  await bag.request('POST', '/api/auth/forgot', { email: barbara.email })
  await smtp.mailTo(barbara.email)
  await until(async () => (await ready()).status === 'ok', 'the service to be well')
})

test('mail that no worker sends is trouble after a minute', async (t) => {
  const databaseUrl = await createDatabase()
  const db = openDatabase(databaseUrl, { connections: 2, onError: () => {} })
  const config = readConfig({
    ENV_FILE_LOCATION: join(import.meta.dirname, '../../test/empty.env'),
    DATABASE_URL: databaseUrl,
    RATE_LIMITS: 'off',
  })
  const app = await buildApp({ config, db, key: await tokenKey(secret), log: pino({ level: 'silent' }) })
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
  await bag.db.query(sql`update mail_server_state set trouble = 'It is down.', since = now() - interval '50 seconds'`)
  assert.equal((await ready()).status, 'degraded')
  await bag.db.query(sql`update mail_server_state set since = now() - interval '61 seconds'`)
  assert.deepEqual(await ready(), ok)
})

/** As after a third attempt that the server put off, with the next one far away. */
async function putOffThrice(name: string): Promise<void> {
  const { email, id } = await signUp(bag, name)
  await bag.request('POST', '/api/auth/forgot', { email })
  const isPutOff = async () => {
    const rows = await bag.db.query(sql`
      update outbox set attempts = 3, due_at = now() + interval '1 hour'
      where account_id = ${id} and kind = 'reset-password' and state = 'deferred' returning id`)
    return rows.length > 0
  }
  await until(isPutOff, 'the mail to be put off')
}

async function ready() {
  const { status, body } = await bag.request('GET', '/health/ready')
  assert.equal(status, 200)
  return body
}
