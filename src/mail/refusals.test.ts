import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { type Fault, type Point, startFaultySmtp } from '../../test/faulty-smtp.ts'
import { allMailSettled } from '../../test/mail-links.ts'
import { type MovieBag, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'
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

test('a mail that the server puts off with 451 is sent by the next attempt', async () => {
  const ada = await settledReader('ada')
  await sendWith('RCPT', { reply: '451 4.3.0 Come back later' }, ada.email)
  assert.equal((await mailFor(ada.email)).attempts, 2)
  assert.equal(told('A mail is put off').length, 1)
})

test('a mail that the server refuses with 550 fails at once, seen in its row and in the log', async () => {
  smtp.fault = (point) => (point === 'RCPT' ? { reply: '550 5.1.1 No such mailbox' } : undefined)
  const grace = await settledReader('grace')
  await forgot(grace.email)
  await until(async () => (await mailFor(grace.email)).state === 'failed', 'the mail to fail')
  const mail = await mailFor(grace.email)
  assert.equal(mail.attempts, 1)
  assert.match(mail.reply, /550 5\.1\.1 No such mailbox/)
  const [line] = told('failed for good')
  assert.match(line ?? '', /550 5\.1\.1 No such mailbox/)
  assert.match(line ?? '', /"level":50/)
})

test('whose mail failed may ask again at once, and the next one arrives', async () => {
  await forgot('grace@example.org')
  await smtp.tokenFor('grace@example.org')
})

test('a sender that the server refuses loses no mail: it waits, and the log says which setting to check', async () => {
  const alan = await settledReader('alan')
  await sendWith('MAIL', { reply: '553 5.7.1 Sender address rejected: not owned by user' }, alan.email)
  assert.match(told('A mail is put off')[0] ?? '', /553 5\.7\.1.*Check MAIL_DEFAULT_SENDER/)
})

for (const point of ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA'] as const) {
  test(`a connection cut at the ${point} loses no mail and doubles none`, async () => {
    const reader = await settledReader(`cut-at-${point}`)
    await sendWith(point, 'cut', reader.email)
    assert.equal(mailsTo(reader.email).length, 1)
  })

  test(`rubbish in answer to the ${point} loses no mail`, async () => {
    const reader = await settledReader(`rubbish-at-${point}`)
    await sendWith(point, { reply: 'colourless green ideas sleep furiously' }, reader.email)
  })
}

test('an acknowledgement that is lost brings the mail twice, with one Message-ID and two links that work', async () => {
  const edsger = await settledReader('edsger')
  await sendWith('end of message', 'cut', edsger.email)
  const tokens = [await smtp.tokenFor(edsger.email), await smtp.tokenFor(edsger.email, 2)]
  assert.equal(new Set(tokens).size, 2)
  assert.equal(new Set(mailsTo(edsger.email).map((mail) => mail.messageId)).size, 1)
  for (const token of tokens) assert.equal((await bag.request('GET', `/reset/${token}`)).status, 200)
})

test('one recipient for whom the server falls silent delays nobody else', async () => {
  const barbara = await settledReader('barbara')
  const silent = await settledReader('silent')
  smtp.fault = (point, line) => (point === 'RCPT' && line.includes('silent@') ? 'silence' : undefined)
  await forgot(silent.email)
  await until(async () => (await mailFor(silent.email)).attempts === 1, 'the silent mail to be in hand')
  await forgot(barbara.email)
  await smtp.tokenFor(barbara.email)
  assert.equal(mailsTo(silent.email).length, 0)
})

/** An account whose first mail, which asks to confirm the address, is out of the way. */
async function settledReader(name: string) {
  const account = await signUp(bag, name)
  await allMailSettled(bag)
  return account
}

/** Asks for a mail that meets the fault when it is sent, and waits until it is sent all the same. */
async function sendWith(point: Point, fault: Fault, email: string): Promise<void> {
  const isBeginning = point === 'greeting' || point === 'EHLO'
  // The worker keeps its connections. One that is lost is asked for by a probe, and then made anew for a mail.
  spoil(
    isBeginning
      ? [
          ['MAIL', 'cut'],
          [point, undefined],
          [point, fault],
        ]
      : [[point, fault]],
  )
  await forgot(email)
  for (let attempt = 1; attempt <= (isBeginning ? 2 : 1); attempt += 1) await hurry(email, attempt)
  await until(async () => (await mailFor(email)).state === 'sent', 'the mail to be sent')
  assert.equal(unmet.length, 0, 'the fault was met')
}

let unmet: [Point, Fault | undefined][] = []

/** What is to go wrong, in this order; undefined lets the point pass. */
function spoil(faults: [Point, Fault | undefined][]): void {
  unmet = faults
  smtp.fault = (point) => (point === unmet[0]?.[0] ? unmet.shift()?.[1] : undefined)
}

/** Makes a mail that was put off due at once. */
async function hurry(address: string, attempt: number): Promise<void> {
  const isPutOff = async () => {
    const { state, attempts } = await mailFor(address)
    return state === 'deferred' && attempts === attempt
  }
  await until(isPutOff, `attempt ${attempt} to be put off`)
  await bag.db.query(sql`update outbox set due_at = now() where email = ${address} and state = 'deferred'`)
}

async function forgot(email: string): Promise<void> {
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email })).status, 200)
}

function mailsTo(address: string) {
  return smtp.mails.filter((mail) => mail.recipients.includes(address))
}

type MailRow = { state: string; attempts: number; reply: string }

async function mailFor(address: string, { db }: Pick<MovieBag, 'db'> = bag): Promise<MailRow> {
  const [row] = await db.query<MailRow>(sql`
    select state, attempts, coalesce(last_reply, '') as reply
    from outbox where email = ${address} order by created_at desc limit 1`)
  if (!row) throw new Error(`No mail is in the outbox for ${address}.`)
  return row
}

function told(message: string): string[] {
  return bag.log.filter((line) => line.includes(message))
}
