import assert from 'node:assert/strict'
import { sql } from '../../src/database/database.ts'
import type { FaultySmtp } from '../faulty-smtp.ts'
import { tokensIn } from '../mail-links.ts'
import type { MovieBag } from '../movie-bag.ts'
import { until } from '../service.ts'
import { isKnown, isLive, type Model, type Person } from './model.ts'

/** The service as a run of the model meets it: real requests, a real worker, a real mail server that refuses as told. */
export type Real = {
  bag: MovieBag
  /** The run's own domain, by which it knows its mails among those of other runs. */
  domain: string
  /** The mails that the model has been told of. */
  told: number
  /** What the mail server says to mail for an address; nothing unusual where it is not in here. */
  refusals: Map<string, string>
}

export function refuseAsTold(smtp: FaultySmtp, refusals: Map<string, string>): void {
  smtp.fault = (point, line) => {
    const reply = point === 'RCPT' && refusals.get(/<(.*)>/.exec(line)?.[1] ?? '')
    return reply ? { reply } : undefined
  }
}

export async function newPerson(real: Real, name: string): Promise<Person> {
  const password = `the first password of ${name}`
  const address = `${name}@${real.domain}`
  const { body } = await post(real, 200, '/api/auth/signup', { email: address, password })
  const login = await post(real, 200, '/api/auth/login', { email: address, password })
  const sessions = [{ authorization: `Bearer ${login.body.token}`, isOver: false }]
  const fresh = { oldPasswords: [], pending: null, isVerified: false, sessions, changes: [] }
  const mails = { sent: 0, unanswered: 0, putOff: undefined, isQuiet: false }
  return { name, id: body.id, address, password, ...fresh, ...mails }
}

/** Sends a request that has to be answered with this status. */
export async function post({ bag }: Real, expected: number, path: string, body: object, headers = {}, method = 'POST') {
  const answer = await bag.request(method, path, body, headers)
  assert.equal(answer.status, expected, `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`)
  return answer
}

/** Waits until what is to be mailed is mailed, and holds it against what the model expects. */
export async function mailsArrive(model: Model, real: Real): Promise<void> {
  const { bag, domain } = real
  const ids = model.people.map(({ id }) => id)
  const isSo = async () => {
    const open = await bag.db.query(sql`
      select id from outbox
      where closed_at is null and due_at < now() + interval '1 hour'
        and (account_id = any(${ids}) or address like ${`%@${domain}`})`)
    return open.length === 0
  }
  await until(isSo, 'the mails to leave')
  const all = bag.smtp.mails.filter(({ recipients }) => recipients.some((one) => one.endsWith(`@${domain}`)))
  const mails = all.slice(real.told).filter(({ subject }) => subject !== '[Movie-bag] New login')
  real.told = all.length
  const inWords = ({ to, subject }: { to: string; subject: string }) => `${subject} → ${to}`
  const came = mails.map((mail) => ({ mail, to: mail.recipients.join(), subject: mail.subject?.slice(12) ?? '' }))
  assert.deepEqual(came.map(inWords).toSorted(), model.expected.map(inWords).toSorted())
  for (const expected of model.expected.splice(0)) {
    const mail = came.find((one) => inWords(one) === inWords(expected))?.mail
    for (const link of expected.links) link.token = (mail && tokensIn(mail, link.page)[0]) ?? ''
    assert(
      expected.links.every(({ token }) => token),
      `the links of "${inWords(expected)}"`,
    )
  }
}

/** What can be seen from outside without changing anything is as the model says. */
export async function everythingIsAsTheModelSays({ people, links }: Model, { bag }: Real): Promise<void> {
  for (const { address, pending, isVerified, sessions, name } of people) {
    for (const { authorization, isOver } of sessions) {
      const { status, body } = await bag.request('GET', '/api/auth/account', undefined, { authorization })
      assert.equal(status, isOver ? 401 : 200, `a session of ${name}`)
      const seen = [body.email, body.pending_email, body.is_verified]
      if (!isOver) assert.deepEqual(seen, [address, pending, isVerified], name)
    }
  }
  for (const link of links.filter(({ token }) => token)) {
    const { status } = await bag.request('GET', `/${link.page}/${link.token}`)
    const expected = isLive(link) ? 200 : 410
    assert.equal(
      status,
      isKnown(link) ? expected : 404,
      `the /${link.page} link of mail ${link.mail} to ${link.person.name}`,
    )
  }
}

/** The right password lets in, and none that was right before. */
export async function passwordsAreAsTheModelSays({ people }: Model, real: Real): Promise<void> {
  for (const { address: email, password, oldPasswords } of people) {
    if (password !== null) await post(real, 200, '/api/auth/login', { email, password })
    const [before] = oldPasswords.filter((old) => old !== password).slice(-1)
    if (before) await post(real, 401, '/api/auth/login', { email, password: before })
  }
}
