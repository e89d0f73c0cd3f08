import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { openDatabase, sql } from '../src/database/database.ts'
import { setCounters } from './counters.ts'
import { createDatabase } from './database.ts'
import { startFaultySmtp } from './faulty-smtp.ts'
import { allMailSettled, mailedToken } from './mail-links.ts'
import { secret, signUp, startMovieBag } from './movie-bag.ts'
import { startService, until } from './service.ts'
import { startSmtp } from './smtp.ts'
import { expireLeases, hasLease, leaseMails, passTime, secondsUntilLeasesEnd } from './time.ts'

const hour = 3600

suite('clocks that are wrong or jump', { concurrency: 2 }, () => {
  test('one service an hour ahead and one an hour behind agree on sessions, limits, links and mail', async (t) => {
    const smtp = await startSmtp()
    const url = await createDatabase()
    const db = openDatabase(url, { connections: 2, onError: () => {} })
    const settings = {
      DATABASE_URL: url,
      JWT_SECRET_KEY: secret,
      MAIL_PORT: String(smtp.port),
      RATE_LIMITS: 'on',
      SESSION_TTL: '30 minutes',
      NODE_OPTIONS: `--import=${join(import.meta.dirname, 'shifted-clock.ts')}`,
    }
    const [ahead, behind] = await Promise.all(
      [hour, -hour].map((seconds) => startService('serve', { ...settings, CLOCK_SHIFT_SECONDS: String(seconds) })),
    )
    assert(ahead && behind)
    t.after(async () => {
      await Promise.all([ahead.end(), behind.end()])
      await db.close()
      await smtp.stop()
    })

    for (const [here, there, name] of [
      [ahead, behind, 'ada'],
      [behind, ahead, 'grace'],
    ] as const) {
      const person = await signUp(here, name)
      const login = await here.request('POST', '/api/auth/login', person)
      const session = { authorization: `Bearer ${login.body.token}` }
      for (const service of [here, there]) {
        assert.equal((await service.request('GET', '/api/auth/account', undefined, session)).status, 200)
      }

      await here.request('POST', '/api/auth/forgot', { email: person.email })
      const mail = await smtp.mailTo(person.email)
      const wrong = Math.abs((mail.date?.getTime() ?? 0) - Date.now()) / 1000
      assert(Math.abs(wrong - hour) < 300, 'the sender’s clock is an hour wrong')
      const reset = { reset_token: await smtp.tokenFor(person.email), password: `a new one for ${name}` }
      assert.equal((await there.request('POST', '/api/auth/reset', reset)).status, 200)
      assert.equal((await here.request('GET', '/api/auth/account', undefined, session)).status, 401)
      await smtp.mailTo(person.email, 2)
    }

    await db.query(sql`
      insert into accounts (email, email_canonical)
      select 'reader-' || n || '@example.org', 'reader-' || n || '@example.org' from generate_series(1, 30) as n`)
    const readers = Array.from({ length: 30 }, (_, index) => `reader-${index + 1}@example.org`)
    const asked = readers.map((email, index) =>
      (index % 2 ? ahead : behind).request('POST', '/api/auth/forgot', { email }),
    )
    for (const { status } of await Promise.all(asked)) assert.equal(status, 200)
    await allMailSettled({ db })
    const got = smtp.mails.flatMap(({ recipients }) => recipients).filter((one) => one.startsWith('reader-'))
    assert.deepEqual(got.toSorted(), readers.toSorted())

    await setCounters({ db }, 'forgot-password', 60)
    for (const service of [ahead, behind]) {
      const refused = await service.request('POST', '/api/auth/forgot', { email: 'ada@example.org' })
      assert.equal(refused.status, 429)
      const wait = Number(refused.headers.get('retry-after'))
      assert(wait > 500 && wait <= 600, `${wait}`)
    }
  })

  test('if the clock jumps ahead, a claimed mail stays with its worker and is sent once', async (t) => {
    let isHeld = false
    let release = () => {}
    const onRcptTo = (_address: unknown, _session: unknown, done: () => void) => {
      if (!isHeld) return done()
      release = done
    }
    const smtp = await startSmtp({ disabledCommands: ['AUTH', 'STARTTLS'], onRcptTo })
    const bag = await startMovieBag({}, smtp)
    const other = await startMovieBag({ DATABASE_URL: bag.databaseUrl }, smtp)
    t.after(async () => {
      await other.stop()
      await bag.stop()
      await smtp.stop()
    })
    const ada = await signUp(bag, 'ada')
    await allMailSettled(bag)

    isHeld = true
    await bag.request('POST', '/api/auth/forgot', { email: ada.email })
    await until(() => hasLease(bag, { inGracePeriod: false }), 'the mail to be claimed')
    // Repeated, because the worker may renew the lease before the other one looks.
    await until(async () => {
      await expireLeases(bag)
      return hasLease(bag, { inGracePeriod: true })
    }, 'the grace period of the lease')
    await until(() => hasLease(bag, { inGracePeriod: false }), 'the worker to renew the lease')
    isHeld = false
    release()
    await allMailSettled(bag)
    assert.equal(smtp.mails.length, 1)
  })

  test('if the clock is set back, due mail and the mail of a dead worker do not wait for it', async (t) => {
    const smtp = await startFaultySmtp()
    smtp.fault = () => ({ reply: '421 Not now' })
    const bag = await startMovieBag({}, smtp)
    await signUp(bag, 'ada')
    await bag.request('POST', '/api/auth/forgot', { email: 'ada@example.org' })
    await bag.stop()
    const db = openDatabase(bag.databaseUrl, { connections: 1, onError: () => {} })
    await leaseMails({ db }, 'verify-address')
    await passTime({ db }, '-1 hour')

    smtp.fault = () => undefined
    const next = await startMovieBag({ DATABASE_URL: bag.databaseUrl }, smtp)
    t.after(async () => {
      await db.close()
      await next.stop()
      await smtp.stop()
    })
    await smtp.mailTo('ada@example.org')
    const seconds = await secondsUntilLeasesEnd({ db })
    assert(seconds <= 15, `${seconds}`)
  })

  test('if the clock is set back, the next reset mail is sent and its link works', async (t) => {
    const bag = await startMovieBag()
    t.after(() => bag.stop())
    const ada = await signUp(bag, 'ada')
    for (let mails = 0; mails < 3; mails += 1) {
      await bag.request('POST', '/api/auth/forgot', { email: ada.email })
      await allMailSettled(bag)
      await passTime(bag, '3 hours')
    }
    await passTime(bag, '-10 hours')
    await bag.request('POST', '/api/auth/forgot', { email: ada.email })
    const reset = { reset_token: await mailedToken(bag, 'reset', ada.email), password: 'a new one for ada' }
    assert.equal(bag.smtp.mails.length, 4)
    assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  })
})
