import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startFaultySmtp } from '../../test/faulty-smtp.ts'
import { subjectsTo } from '../../test/mail-links.ts'
import { signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'

const bag = await startMovieBag({ UNKNOWN_ADDRESS_MAIL: 'on' })
after(() => bag.stop())

const told = 'There is no account here'

test('an unknown email address gets at most one mail a day, whatever its case', async () => {
  for (const email of ['nobody@example.org', 'nobody@example.org', 'NOBODY@Example.org']) await forgot(email)
  assert.deepEqual(await subjectsTo(bag, 'nobody@example.org'), [told])
  await passTime(bag, '23 hours')
  await forgot('nobody@example.org')
  assert.deepEqual(await subjectsTo(bag, 'nobody@example.org'), [told])
  await passTime(bag, '61 minutes')
  await forgot('nobody@example.org')
  assert.deepEqual(await subjectsTo(bag, 'nobody@example.org'), [told, told])
})

test('a deferred mail to an unknown email address is sent by the next attempt', async (t) => {
  const smtp = await startFaultySmtp()
  let refusals = 0
  smtp.fault = (point) => (point === 'RCPT' && refusals++ === 0 ? { reply: '451 4.7.1 Greylisted' } : undefined)
  const other = await startMovieBag({ UNKNOWN_ADDRESS_MAIL: 'on' }, smtp)
  t.after(async () => {
    await other.stop()
    await smtp.stop()
  })
  await other.request('POST', '/api/auth/forgot', { email: 'nobody@example.org' })
  assert.deepEqual(await subjectsTo(other, 'nobody@example.org'), [told])
  assert.ok(refusals > 1)
})

test('concurrent requests for an unknown email address make one mail', async () => {
  await Promise.all(Array.from({ length: 10 }, () => forgot('somebody@example.org')))
  assert.deepEqual(await subjectsTo(bag, 'somebody@example.org'), [told])
})

test('the mail to an unknown email address has no one-time link, and accounts never get it', async () => {
  const [mail] = bag.smtp.mails.filter(({ recipients }) => recipients.includes('nobody@example.org'))
  assert.doesNotMatch(mail?.text ?? '', /\/(reset|not-me)\//)
  const ada = await signUp(bag, 'ada')
  for (let time = 0; time < 2; time += 1) await forgot(ada.email)
  assert.deepEqual(await subjectsTo(bag, ada.email), ['Confirm your email address', 'Reset Your Password'])
})

async function forgot(email: string): Promise<void> {
  assert.equal((await bag.request('POST', '/api/auth/forgot', { email })).status, 200)
}
