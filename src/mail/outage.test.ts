import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { startFaultySmtp } from '../../test/faulty-smtp.ts'
import { allMailSettled } from '../../test/mail-links.ts'
import { freePort, type MovieBag, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { type Smtp, startSmtp } from '../../test/smtp.ts'
import { sql } from '../database/database.ts'

// Some of these wait for a timeout, so two go on side by side. Six services that start at once in this process would keep
// it from hearing the database for seconds.
suite('a mail server in trouble', { concurrency: 2 }, () => {
  test('that is down at the start and for an hour slows no request and loses no mail', async (t) => {
    const port = await freePort()
    const bag = await started(t, { MAIL_PORT: String(port) })
    await degraded(bag)
    const advice = /ECONNREFUSED.*Check MAIL_SERVER and MAIL_PORT, and that the mail server runs\./
    assert.match(told(bag, 'Mail waits and is sent later')[0] ?? '', advice)
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
    await until(async () => (await ready(bag)).status === 'ok', 'the health to be well again')
    assert.equal(smtp.mails.length, 3)
    assert.equal(told(bag, 'Mail waits and is sent later').length, 1)
    assert.equal(told(bag, 'The mail server answers again').length, 1)
  })

  test('that refuses the password keeps the mail waiting, and says which settings to check', async (t) => {
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
    const bag = await started(t, settings, smtp)
    const ada = await signUp(bag, 'ada')
    await forgot(bag, ada.email)
    const advice = /535 .*Check MAIL_USERNAME, MAIL_PASSWORD, MAIL_USE_TLS and MAIL_USE_SSL\./
    await degraded(bag)
    assert.match(told(bag, 'Mail waits and is sent later')[0] ?? '', advice)

    password = settings.MAIL_PASSWORD
    await smtp.mailTo(ada.email)
    await until(async () => (await ready(bag)).status === 'ok', 'the health to be well again')
    assert.equal(told(bag, 'Mail waits and is sent later').length, 1)
    assert.ok(!bag.log.join().includes(settings.MAIL_PASSWORD))
  })

  test('that accepts connections and says nothing is given up after a while, and asked again', async (t) => {
    const smtp = await startFaultySmtp()
    smtp.fault = () => 'silence'
    const bag = await started(t, {}, smtp)
    const ada = await signUp(bag, 'ada')
    await forgot(bag, ada.email)
    await degraded(bag)
    assert.match(told(bag, 'Mail waits and is sent later')[0] ?? '', /Greeting never received/)
    smtp.fault = () => undefined
    await until(() => smtp.mails.length === 1, 'the mail to arrive')
  })

  test('that falls silent in the middle of many mails is given up after a while, and loses and doubles none', async (t) => {
    const smtp = await startFaultySmtp()
    const bag = await started(t, {}, smtp)
    const readers = await addReaders(bag, 15)
    let met = 0
    smtp.fault = (point) => {
      if (point !== 'RCPT') return undefined
      met += 1
      return 'silence'
    }
    for (const email of readers) await forgot(bag, email)
    await until(() => met === 10, 'ten mails to be in hand')
    smtp.fault = () => undefined
    await allMailSettled(bag)
    assert.deepEqual(smtp.mails.map((mail) => mail.recipients[0]).toSorted(), readers.toSorted())
  })

  test('that is slow gets ten mails at a time, each once', async (t) => {
    let atOnce = 0
    let most = 0
    const smtp = await startSmtp({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onRcptTo: (_address, _session, done) => {
        atOnce += 1
        most = Math.max(most, atOnce)
        setTimeout(() => {
          atOnce -= 1
          done()
        }, 600)
      },
    })
    const bag = await started(t, {}, smtp)
    const readers = await addReaders(bag, 25)
    await Promise.all(readers.map((email) => forgot(bag, email)))
    await allMailSettled(bag)
    assert.equal(smtp.mails.length, 25)
    assert.equal(most, 10)
  })

  test('to which nothing shall go, by MAIL_SUPPRESS_SEND, gets nothing: the mail is written and held', async (t) => {
    const bag = await started(t, { MAIL_SUPPRESS_SEND: 'on' })
    const ada = await signUp(bag, 'ada')
    await forgot(bag, ada.email)
    await allMailSettled(bag)
    const states = await bag.db.query<{ state: string }>(sql`select distinct state from outbox`)
    assert.deepEqual(states, [{ state: 'suppressed' }])
    assert.equal((await ready(bag)).status, 'ok')
    assert.equal(bag.smtp.mails.length + bag.smtp.verifications.length, 0)
  })
})

async function started(t: TestContext, settings: Record<string, string>, smtp?: Smtp): Promise<MovieBag> {
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

/** Many, who need no password, so that no crowd of sign-ups keeps the database busy. */
async function addReaders({ db }: MovieBag, many: number): Promise<string[]> {
  const emails = Array.from({ length: many }, (_, index) => `reader-${index}@example.org`)
  await db.query(sql`
    insert into accounts (email, email_canonical) select email, email from unnest(${emails}::text[]) as email`)
  return emails
}

async function degraded(bag: MovieBag): Promise<void> {
  await until(async () => (await ready(bag)).status === 'degraded', 'the health to be degraded')
  const { mail } = await ready(bag)
  assert.match(mail, /^The mail server cannot be used, and mail waits\. Check MAIL_/)
}

function told(bag: MovieBag, message: string): string[] {
  return bag.log.filter((line) => line.includes(message))
}
