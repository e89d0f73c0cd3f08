import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { sql } from '../src/database/database.ts'
import { createDatabase } from './database.ts'
import { startFaultySmtp } from './faulty-smtp.ts'
import { freePort, type MovieBag, signUp, startMovieBag } from './movie-bag.ts'
import { startService, until } from './service.ts'
import { type Smtp, startSmtp } from './smtp.ts'

// The faults of the original that concern mail, a story each. They run side by side, for most of their time they wait.

async function forgot(bag: Pick<MovieBag, 'request'>, email: string): Promise<void> {
  const { status, text } = await bag.request('POST', '/api/auth/forgot', { email })
  assert.equal(status, 200, text)
}

describe('mail of the original', { concurrency: 3 }, () => {
  test('is not lost when the process dies between the answer and the mail', async (t) => {
    const settings = { DATABASE_URL: await createDatabase(), MAIL_PORT: String(await freePort()) }
    const first = await startService('serve', settings)
    const { email } = await signUp(first, 'ada')
    await forgot(first, email)
    assert.equal(await first.end('SIGKILL'), null)

    const smtp = await startSmtp({}, Number(settings.MAIL_PORT))
    const second = await startService('serve', settings)
    t.after(async () => {
      await second.end()
      await smtp.stop()
    })
    await smtp.tokenFor(email)
  })

  test('is not lost while no mail server is there, and slows nobody', async (t) => {
    const port = await freePort()
    const absent = await startSmtp({}, port)
    await absent.stop()
    const bag = await startMovieBag({}, absent)
    const { email } = await signUp(bag, 'ada')
    await forgot(bag, email)
    await until(async () => (await health(bag)).status === 'degraded', 'the trouble to be told')
    const smtp = await startSmtp({}, port)
    t.after(async () => {
      await bag.stop()
      await smtp.stop()
    })
    await until(() => smtp.mails.some(({ recipients }) => recipients.includes(email)), 'the mail')
  })

  test('is not lost when the server puts it off with 451', async (t) => {
    const smtp = await startFaultySmtp()
    let refusals = 0
    smtp.fault = (point) => {
      if (point !== 'RCPT' || refusals >= 2) return undefined
      refusals += 1
      return { reply: '451 4.3.0 Try again later' }
    }
    const bag = await startWith(smtp, t)
    const { email } = await signUp(bag, 'ada')
    await forgot(bag, email)
    await smtp.tokenFor(email)
    assert.equal(refusals, 2)
  })

  test('has a timeout: a mail server that says nothing is told of, and slows no request', async (t) => {
    const smtp = await startFaultySmtp()
    smtp.fault = () => 'silence'
    const bag = await startWith(smtp, t)
    const { email } = await signUp(bag, 'ada')
    await forgot(bag, email)
    await until(async () => (await health(bag)).status === 'degraded', 'the silence to be noticed')
    assert(
      bag.log.some((line) => /Mail waits.*Check MAIL_SERVER and MAIL_PORT/.test(line)),
      bag.log.join(''),
    )
  })

  test('has a text half and an HTML half, each with the whole message', async (t) => {
    const bag = await startMovieBag()
    t.after(() => bag.stop())
    const { email } = await signUp(bag, 'ada')
    await forgot(bag, email)
    const token = await bag.smtp.tokenFor(email)
    const { text, html } = await bag.smtp.mailTo(email)
    for (const half of [text, html]) {
      assert(String(half).includes(`/reset/${token}`))
      assert.match(String(half), /If you have not requested a password reset simply ignore this message/)
      assert.match(String(half), /Movie-bag Support Team/)
    }
  })

  test('that fails for good is seen: in the log, and in its row with the words of the server', async (t) => {
    const smtp = await startFaultySmtp()
    smtp.fault = (point) => (point === 'RCPT' ? { reply: '550 5.1.1 No such mailbox' } : undefined)
    const bag = await startWith(smtp, t)
    const { email } = await signUp(bag, 'ada')
    await forgot(bag, email)
    const failed = () =>
      bag.db.query<{ reply: string }>(sql`
      select last_reply as reply from outbox where state = 'failed' and kind = 'reset-password'`)
    await until(async () => (await failed()).length === 1, 'the mail to fail')
    assert.match((await failed())[0]?.reply ?? '', /550 5\.1\.1 No such mailbox/)
    const lines = bag.log
      .map((line) => JSON.parse(line))
      .filter(({ level, kind }) => level >= 50 && kind === 'reset-password')
    assert.equal(lines.length, 1)
    assert.match(lines[0].reply, /550 5\.1\.1 No such mailbox/)
  })
})

/** A Movie Bag that uses this mail server, which stops after it: a mail that is cut off would be no part of the story. */
async function startWith(smtp: Smtp, t: TestContext): Promise<MovieBag> {
  const bag = await startMovieBag({}, smtp)
  t.after(async () => {
    await bag.stop()
    await smtp.stop()
  })
  return bag
}

async function health(bag: MovieBag): Promise<{ status: string; mail: string }> {
  const { status, body } = await bag.request('GET', '/health/ready')
  assert.equal(status, 200)
  return body
}
