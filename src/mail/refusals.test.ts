import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { type Fault, type Point, startFaultySmtp } from '../../test/faulty-smtp.ts'
import { allMailSettled } from '../../test/mail-links.ts'
import { logged, type MovieBag, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
import { startSmtp } from '../../test/smtp.ts'
import { sql } from '../database/database.ts'

const smtp = await startFaultySmtp()
const bag = await startMovieBag({}, smtp)
after(async () => {
  await bag.stop()
  await smtp.stop()
})
beforeEach(() => {
  smtp.fault = () => undefined
  bag.log.length = 0
})

test('a mail that the server refuses with 451 is sent by the next attempt', async () => {
  const ada = await signUpAndVerifyMail('ada')
  await sendWith('RCPT', { reply: '451 4.3.0 Come back later' }, ada.email)
  assert.equal((await mailFor(ada.email)).attempts, 2)
  assert.equal(logged(bag, 'mail-deferred').length, 1)
})

test('a mail that the server refuses with 550 fails, and its row and the log quote the server', async () => {
  smtp.fault = (point) => (point === 'RCPT' ? { reply: '550 5.1.1 No such mailbox' } : undefined)
  const grace = await signUpAndVerifyMail('grace')
  await forgot(grace.email)
  await until(async () => (await mailFor(grace.email)).state === 'failed', 'the mail to fail')
  const mail = await mailFor(grace.email)
  assert.equal(mail.attempts, 1)
  assert.match(mail.reply, /550 5\.1\.1 No such mailbox/)
  const [line] = logged(bag, 'mail-failed')
  assert.match(line.reply, /550 5\.1\.1 No such mailbox/)
  assert.equal(line.level, 50)
})

test('after a mail failed, another one can be requested right away', async () => {
  await forgot('grace@example.org')
  await smtp.tokenFor('grace@example.org')
})

test('a refused sender defers the mail, and the log names the setting to check', async () => {
  const alan = await signUpAndVerifyMail('alan')
  await sendWith('MAIL', { reply: '553 5.7.1 Sender address rejected: not owned by user' }, alan.email)
  assert.match(logged(bag, 'mail-deferred')[0].reply, /553 5\.7\.1.*Check MAIL_DEFAULT_SENDER/)
})

for (const point of ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA'] as const) {
  test(`a connection cut at ${point} neither loses nor duplicates a mail`, async () => {
    const reader = await signUpAndVerifyMail(`cut-at-${point}`)
    await sendWith(point, 'cut', reader.email)
    assert.equal(mailsTo(reader.email).length, 1)
  })

  test(`a garbled reply to ${point} loses no mail`, async () => {
    const reader = await signUpAndVerifyMail(`rubbish-at-${point}`)
    await sendWith(point, { reply: 'colourless green ideas sleep furiously' }, reader.email)
  })
}

test('a lost acknowledgement duplicates the mail, with the same Message-ID and two live links', async () => {
  const edsger = await signUpAndVerifyMail('edsger')
  await sendWith('end of message', 'cut', edsger.email)
  const tokens = [await smtp.tokenFor(edsger.email), await smtp.tokenFor(edsger.email, 2)]
  assert.equal(new Set(tokens).size, 2)
  assert.equal(new Set(mailsTo(edsger.email).map((mail) => mail.messageId)).size, 1)
  for (const token of tokens) assert.equal((await bag.request('GET', `/reset/${token}`)).status, 200)
})

const aboutUs = {
  RCPT: [
    '553 5.7.1 Sender address rejected: not owned by user',
    '554 Blocked by our list',
    '550 5.7.26 Unauthenticated',
  ],
  'end of message': [
    '550 5.7.1 Message rejected as spam',
    '554 Policy violation',
    '550 5.4.5 Daily sending quota exceeded',
  ],
} as const

for (const [point, replies] of Object.entries(aboutUs)) {
  for (const [index, reply] of replies.entries()) {
    test(`a mail refused with "${reply}" is sent once that is settled`, async () => {
      const reader = await signUpAndVerifyMail(`policy-${point.slice(0, 3).toLowerCase()}-${index}`)
      await sendWith(point === 'RCPT' ? 'RCPT' : 'end of message', { reply }, reader.email)
      assert.match(logged(bag, 'mail-deferred')[0].reply, /refuses mail from this service/)
    })
  }
}

for (const [index, reply] of [
  '550 5.1.1 Unknown',
  '552 5.2.2 Full',
  '550 5.4.1 Access denied',
  '550 Nobody',
].entries()) {
  test(`a mail refused with "${reply}" fails`, async () => {
    const reader = await signUpAndVerifyMail(`recipient-${index}`)
    smtp.fault = (point) => (point === 'RCPT' ? { reply } : undefined)
    await forgot(reader.email)
    await until(async () => (await mailFor(reader.email)).state === 'failed', 'the mail to fail')
  })
}

test('a server that takes three connections and five mails on each gets every mail, at the first attempt', async () => {
  const limited = await startLimitedSmtp({ connections: 3, mailsPerConnection: 5 })
  const other = await startMovieBag({}, limited)
  try {
    const readers = Array.from({ length: 40 }, (_, index) => `limited-${index}@example.org`)
    await other.db.query(sql`
      insert into accounts (email, email_canonical, password_hash)
      select email, email, 'x' from unnest(${readers}::text[]) email`)
    await Promise.all(readers.map((email) => other.request('POST', '/api/auth/forgot', { email })))
    await allMailSettled(other)
    assert.deepEqual(limited.mails.map(({ recipients }) => recipients[0]).toSorted(), readers.toSorted())
    assert.ok(limited.refusals() > 0)
    const deferred = logged(other, 'mail-deferred').map(({ reply }) => reply)
    assert.deepEqual(deferred, [])
    const attempts = await other.db.query<{ attempts: number }>(sql`select distinct attempts from outbox`)
    assert.deepEqual(attempts, [{ attempts: 1 }])
  } finally {
    await other.stop()
    await limited.stop()
  }
})

test('the server sees our domain name in EHLO, and never a loopback address', async () => {
  const names: string[] = []
  const server = await startSmtp({
    onMailFrom: (_address, session, done) => {
      names.push(String(session.hostNameAppearsAs))
      done()
    },
  })
  try {
    for (const PUBLIC_URL of ['http://movies.example.org', 'http://localhost:3000', 'http://127.0.0.1:3000']) {
      const other = await startMovieBag({ PUBLIC_URL, MAIL_DEFAULT_SENDER: 'support@b\u00fccher.example' }, server)
      await signUp(other, 'ada')
      await allMailSettled(other)
      await other.stop()
    }
  } finally {
    await server.stop()
  }
  assert.deepEqual(names, ['movies.example.org', 'xn--bcher-kva.example', 'xn--bcher-kva.example'])
})

test('a recipient for whom the server stops responding delays no other mail', async () => {
  const barbara = await signUpAndVerifyMail('barbara')
  const silent = await signUpAndVerifyMail('silent')
  smtp.fault = (point, line) => (point === 'RCPT' && line.includes('silent@') ? 'silence' : undefined)
  await forgot(silent.email)
  await until(async () => (await mailFor(silent.email)).attempts === 1, 'the silent mail to be in hand')
  await forgot(barbara.email)
  await smtp.tokenFor(barbara.email)
  assert.equal(mailsTo(silent.email).length, 0)
})

/** A server that refuses further connections with 421, and further mails on a connection with 452. */
async function startLimitedSmtp(limits: { connections: number; mailsPerConnection: number }) {
  const mails = new Map<string, number>()
  let refusals = 0
  const refuse = (responseCode: number) => {
    refusals += 1
    return Object.assign(new Error('Too much'), { responseCode })
  }
  const smtp = await startSmtp({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onConnect: ({ id }, done) => {
      if (mails.size >= limits.connections) return done(refuse(421))
      mails.set(id, 0)
      done()
    },
    onMailFrom: (_address, { id }, done) => {
      const count = (mails.get(id) ?? 0) + 1
      mails.set(id, count)
      done(count > limits.mailsPerConnection ? refuse(452) : null)
    },
    onClose: ({ id }) => void mails.delete(id),
  })
  return { ...smtp, refusals: () => refusals }
}

/** Signs up and waits until the verification mail has been sent. */
async function signUpAndVerifyMail(name: string) {
  const account = await signUp(bag, name)
  await allMailSettled(bag)
  return account
}

/** Requests a reset mail, causes the fault when it is sent, and waits until it is sent nevertheless. */
async function sendWith(point: Point, fault: Fault, email: string): Promise<void> {
  const isAtConnect = point === 'greeting' || point === 'EHLO'
  // The worker reuses connections: cut one, let the check of the server pass, and the next mail opens another.
  failAt(
    isAtConnect
      ? [
          ['MAIL', 'cut'],
          [point, undefined],
          [point, fault],
        ]
      : [[point, fault]],
  )
  await forgot(email)
  for (let attempt = 1; attempt <= (isAtConnect ? 2 : 1); attempt += 1) await makeDue(email, attempt)
  await until(async () => (await mailFor(email)).state === 'sent', 'the mail to be sent')
  assert.equal(pending.length, 0, 'a fault was never reached')
}

let pending: [Point, Fault | undefined][] = []

/** Causes these faults, in this order; undefined lets the point pass. */
function failAt(faults: [Point, Fault | undefined][]): void {
  pending = faults
  smtp.fault = (point) => (point === pending[0]?.[0] ? pending.shift()?.[1] : undefined)
}

/** Makes a deferred mail due. */
async function makeDue(email: string, attempt: number): Promise<void> {
  const isDeferred = async () => {
    const { state, attempts } = await mailFor(email)
    return state === 'deferred' && attempts === attempt
  }
  await until(isDeferred, `attempt ${attempt} to be deferred`)
  await bag.db.query(sql`update outbox set due_at = now() where email = ${email} and state = 'deferred'`)
}

async function forgot(email: string): Promise<void> {
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email })).status, 200)
}

function mailsTo(email: string) {
  return smtp.mails.filter((mail) => mail.recipients.includes(email))
}

type MailRow = { state: string; attempts: number; reply: string }

async function mailFor(email: string, { db }: Pick<MovieBag, 'db'> = bag): Promise<MailRow> {
  const [row] = await db.query<MailRow>(sql`
    select state, attempts, coalesce(last_reply, '') as reply
    from outbox where email = ${email} order by created_at desc limit 1`)
  if (!row) throw new Error(`No mail is in the outbox for ${email}.`)
  return row
}
