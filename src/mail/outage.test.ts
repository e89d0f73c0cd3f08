import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { startFaultySmtp } from '../../test/faulty-smtp.ts'
import { allMailSettled } from '../../test/mail-links.ts'
import { freePort, logged, type MovieBag, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { type Smtp, startSmtp } from '../../test/smtp.ts'
import { sql } from '../database/database.ts'

// Some of these wait for a timeout, so two run at a time. Six services that start in this process at the same time would
// block it for seconds.
suite('a mail server', { concurrency: 2 }, () => {
  test('that is down at the start and for an hour delays no request and loses no mail', async (t) => {
    const port = await freePort()
    const bag = await start(t, { MAIL_PORT: String(port) })
    await waitUntilDegraded(bag)
    const advice = /ECONNREFUSED.*Check MAIL_SERVER and MAIL_PORT, and that the mail server is running\./
    assert.match(logged(bag, 'mail-server-down')[0].msg, advice)
    const readers = await Promise.all(['ada', 'grace', 'alan'].map((name) => signUp(bag, name)))
    for (const { email } of readers) await forgot(bag, email)
    await bag.db.query(sql`
      update outbox set created_at = created_at - interval '1 hour', due_at = due_at - interval '1 hour'`)

    const smtp = await startSmtp({}, port)
    t.after(() => smtp.stop())
    for (const { email } of readers) {
      const token = await smtp.tokenFor(email)
      assert.equal((await bag.request('GET', `/reset/${token}`)).status, 200)
    }
    await until(async () => (await ready(bag)).status === 'ok', 'the service to recover')
    assert.equal(smtp.mails.length, 3)
    assert.equal(logged(bag, 'mail-server-down').length, 1)
    assert.equal(logged(bag, 'mail-server-up').length, 1)
  })

  test('that refuses the password keeps mail queued, and the log names the settings to check', async (t) => {
    let password = 'the password of last year'
    const smtp = await startSmtp({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ username, password: typed }, _session, done) =>
        username === 'movie-bag' && typed === password
          ? done(null, { user: username })
          : done(Object.assign(new Error('Authentication credentials invalid'), { responseCode: 535 })),
    })
    const settings = { MAIL_USERNAME: 'movie-bag', MAIL_PASSWORD: 'the password of this year' }
    const bag = await start(t, settings, smtp)
    const ada = await signUp(bag, 'ada')
    await forgot(bag, ada.email)
    const advice = /535 .*Check MAIL_USERNAME, MAIL_PASSWORD, MAIL_USE_TLS and MAIL_USE_SSL\./
    await waitUntilDegraded(bag)
    assert.match(logged(bag, 'mail-server-down')[0].msg, advice)

    password = settings.MAIL_PASSWORD
    await smtp.mailTo(ada.email)
    await until(async () => (await ready(bag)).status === 'ok', 'the service to recover')
    assert.equal(logged(bag, 'mail-server-down').length, 1)
    assert.ok(!bag.log.join().includes(settings.MAIL_PASSWORD))
  })

  test('that accepts connections but never greets is tried again after a timeout', async (t) => {
    const smtp = await startFaultySmtp()
    smtp.fault = () => 'silence'
    const bag = await start(t, {}, smtp)
    const ada = await signUp(bag, 'ada')
    await forgot(bag, ada.email)
    await waitUntilDegraded(bag)
    assert.match(logged(bag, 'mail-server-down')[0].msg, /Greeting never received/)
    smtp.fault = () => undefined
    await until(() => smtp.mails.length === 1, 'the mail to arrive')
  })

  test('that stops responding in the middle of many mails neither loses nor duplicates one', async (t) => {
    const smtp = await startFaultySmtp()
    const bag = await start(t, {}, smtp)
    const readers = await addReaders(bag, 15)
    let silenced = 0
    smtp.fault = (point) => {
      if (point !== 'RCPT') return undefined
      silenced += 1
      return 'silence'
    }
    for (const email of readers) await forgot(bag, email)
    await until(() => silenced === 10, 'ten mails to be in hand')
    smtp.fault = () => undefined
    await allMailSettled(bag)
    assert.deepEqual(smtp.mails.map((mail) => mail.recipients[0]).toSorted(), readers.toSorted())
  })

  test('that is slow gets at most ten mails at a time, and each mail once', async (t) => {
    let concurrent = 0
    let most = 0
    const smtp = await startSmtp({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onRcptTo: (_address, _session, done) => {
        concurrent += 1
        most = Math.max(most, concurrent)
        setTimeout(() => {
          concurrent -= 1
          done()
        }, 600)
      },
    })
    const bag = await start(t, {}, smtp)
    const readers = await addReaders(bag, 25)
    await Promise.all(readers.map((email) => forgot(bag, email)))
    await allMailSettled(bag)
    assert.equal(smtp.mails.length, 25)
    assert.equal(most, 10)
  })

  test('gets nothing with MAIL_SUPPRESS_SEND: mails are written and closed as suppressed', async (t) => {
    const bag = await start(t, { MAIL_SUPPRESS_SEND: 'on' })
    const ada = await signUp(bag, 'ada')
    await forgot(bag, ada.email)
    await allMailSettled(bag)
    const states = await bag.db.query<{ state: string }>(sql`select distinct state from outbox`)
    assert.deepEqual(states, [{ state: 'suppressed' }])
    assert.equal((await ready(bag)).status, 'ok')
    assert.equal(bag.smtp.mails.length + bag.smtp.verifications.length, 0)
  })
})

async function start(t: TestContext, settings: Record<string, string>, smtp?: Smtp): Promise<MovieBag> {
  const bag = await startMovieBag(settings, smtp)
  t.after(async () => {
    await bag.stop()
    await smtp?.stop()
  })
  return bag
}

async function forgot(bag: MovieBag, email: string): Promise<void> {
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email })).status, 200)
}

async function ready(bag: MovieBag): Promise<{ status: string; mail: string }> {
  const answer = await bag.request('GET', '/health/ready')
  assert.equal(answer.status, 200)
  return answer.body
}

/** Adds accounts without passwords, so that hashing does not keep the machine busy. */
async function addReaders({ db }: MovieBag, many: number): Promise<string[]> {
  const emails = Array.from({ length: many }, (_, index) => `reader-${index}@example.org`)
  await db.query(sql`
    insert into accounts (email, email_canonical) select email, email from unnest(${emails}::text[]) as email`)
  return emails
}

async function waitUntilDegraded(bag: MovieBag): Promise<void> {
  const isDegraded = async () => (await bag.request('GET', '/health/ready')).body.status === 'degraded'
  await until(isDegraded, 'the health to be degraded')
  const { mail } = await ready(bag)
  assert.match(mail, /^The mail server is unavailable; mail is queued\. Check MAIL_/)
}
