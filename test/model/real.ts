import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { sql } from '../../src/database/database.ts'
import { signAccessToken, tokenKey } from '../../src/sessions/access-token.ts'
import type { FaultySmtp } from '../faulty-smtp.ts'
import { tokensIn } from '../mail-links.ts'
import { type MovieBag, secret, signUp } from '../movie-bag.ts'
import { until } from '../service.ts'
import { isKnown, isLive, type Link, type Model, type Person } from './model.ts'

/** The real service in a run of the model: its requests, its worker, and a mail server that refuses on demand. */
export type Real = {
  bag: MovieBag
  /** The domain of this run, which tells its mails from those of other runs. */
  domain: string
  /** How many mails have been compared with the model. */
  comparedMails: number
  /** The replies with which the mail server refuses mail, by email address. */
  refusals: Map<string, string>
  /** What the last look at each session and page showed. */
  seen: Map<string, string>
}

export function refuseMails(smtp: FaultySmtp, refusals: Map<string, string>): void {
  smtp.fault = (point, line) => {
    const reply = point === 'RCPT' && refusals.get(/<(.*)>/.exec(line)?.[1] ?? '')
    return reply ? { reply } : undefined
  }
}

/** A person who has signed up and logged in, copied from a pattern because hashing a password for each is slow. */
export async function newPerson({ bag, domain }: Real, { name, password, hash }: Pattern): Promise<Person> {
  const address = `${name}@${domain}`
  const [account] = await bag.db.query<{ id: string }>(sql`
    insert into accounts (email, email_canonical, password_hash, locale)
    values (${address}, ${address}, ${hash}, 'en') returning id`)
  const id = account?.id ?? ''
  const [session] = await bag.db.query<{ id: string; startedAt: Date; expiresAt: Date }>(sql`
    insert into sessions (account_id, expires_at, ip_address)
    values (${id}, now() + interval '7 days', '127.0.0.1')
    returning id, created_at as "startedAt", expires_at as "expiresAt"`)
  if (!session) throw new Error(`${name} has no session.`)
  const token = await signAccessToken(await tokenKey(secret), { ...session, accountId: id })
  const sessions = [{ id: session.id, authorization: `Bearer ${token}`, isOver: false }]
  const fresh = { oldPasswords: [], pending: null, isVerified: false, sessions, changes: [] }
  const mails = { sent: 0, unanswered: 0, deferred: undefined, isQuiet: false }
  return { name, id, address, password, ...fresh, ...mails }
}

/** The account that the people of all runs are copied from. */
export type Pattern = { name: string; password: string; hash: string }

export async function newPattern(bag: MovieBag, name: string): Promise<Pattern> {
  const { id, password } = await signUp(bag, `${name}-pattern`)
  const [account] = await bag.db.query<{ hash: string }>(sql`
    select password_hash as hash from accounts where id = ${id}`)
  return { name, password, hash: account?.hash ?? '' }
}

/** Sends a request and checks the status of the response. */
export async function post({ bag }: Real, expected: number, path: string, body: object, headers = {}, method = 'POST') {
  const answer = await bag.request(method, path, body, headers)
  assert.equal(answer.status, expected, `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`)
  return answer
}

/** Waits until all mail is sent, and compares it with what the model expects. */
export async function assertMailsMatch(model: Model, real: Real): Promise<void> {
  const { bag, domain } = real
  const ids = model.people.map(({ id }) => id)
  const areSent = async () => {
    const open = await bag.db.query(sql`
      select id from outbox
      where closed_at is null and due_at < now() + interval '20 minutes'
        and (account_id = any(${ids}) or email like ${`%@${domain}`})`)
    return open.length === 0
  }
  await until(areSent, 'the mails to be sent')
  const all = bag.smtp.mails.filter(({ recipients }) => recipients.some((one) => one.endsWith(`@${domain}`)))
  const mails = all.slice(real.comparedMails).filter(({ subject }) => subject !== '[Movie-bag] New login')
  real.comparedMails = all.length
  const describeMail = ({ to, subject }: { to: string; subject: string }) => `${subject} → ${to}`
  const came = mails.map((mail) => ({ mail, to: mail.recipients.join(), subject: mail.subject?.slice(12) ?? '' }))
  assert.deepEqual(came.map(describeMail).toSorted(), model.expected.map(describeMail).toSorted())
  for (const expected of model.expected.splice(0)) {
    const mail = came.find((one) => describeMail(one) === describeMail(expected))?.mail
    for (const link of expected.links) link.token = (mail && tokensIn(mail, link.page)[0]) ?? ''
    assert(
      expected.links.every(({ token }) => token),
      `the links of "${describeMail(expected)}"`,
    )
  }
}

/**
 * Compares all rows with the model, and then what requests that change nothing return: only what is new or changed in the
 * model since the last look, and at the end everything.
 */
export async function assertMatchesModel(model: Model, real: Real, isEnd = false): Promise<void> {
  await assertRowsMatch(model, real)
  const looks = [...model.people.flatMap(sessionLooks), ...model.links.filter(({ token }) => token).map(pageLook)]
  await Promise.all(
    looks
      .filter((look) => isEnd || real.seen.get(look.what) !== look.expected)
      .map(async ({ what, path, headers, expected }) => {
        const { status, body } = await real.bag.request('GET', path, undefined, headers)
        const seen = status === 200 && body ? [status, body.email, body.pending_email, body.is_verified] : [status]
        assert.equal(JSON.stringify(seen), expected, what)
        real.seen.set(what, expected)
      }),
  )
}

type Look = { what: string; path: string; headers: Record<string, string>; expected: string }

function sessionLooks({ name, address, pending, isVerified, sessions }: Person): Look[] {
  return sessions.map(({ authorization, isOver }, index) => ({
    what: `session ${index + 1} of ${name}`,
    path: '/api/auth/account',
    headers: { authorization },
    expected: JSON.stringify(isOver ? [401] : [200, address, pending, isVerified]),
  }))
}

function pageLook(link: Link): Look {
  const status = isKnown(link) ? (isLive(link) ? 200 : 410) : 404
  return {
    what: `the /${link.page} link ${link.at} of mail ${link.mail} to ${link.person.name}`,
    path: `/${link.page}/${link.token}`,
    headers: {},
    expected: JSON.stringify([status]),
  }
}

async function assertRowsMatch({ people, links }: Model, { bag }: Real): Promise<void> {
  const ids = people.map(({ id }) => id)
  const rows = await bag.db.query<{ what: string; state: string }>(sql`
    select id::text as what, email || ' ' || coalesce(pending_email, '') || ' ' || (email_verified_at is not null)
        || ' ' || (password_hash is null) as state
      from accounts where id = any(${ids})
    union all
    select id::text, (ended_at is null and expires_at > now())::text from sessions where account_id = any(${ids})
    union all
    select encode(token_hash, 'hex'), (ended_at is null and expires_at > now())::text
      from links where account_id = any(${ids})`)
  const states = new Map(rows.map(({ what, state }) => [what, state]))
  for (const { id, name, address, pending, isVerified, password, sessions } of people) {
    assert.equal(states.get(id), `${address} ${pending ?? ''} ${isVerified} ${password === null}`, name)
    for (const session of sessions)
      assert.equal(states.get(session.id), String(!session.isOver), `a session of ${name}`)
  }
  for (const link of links.filter(({ token }) => token)) {
    const hash = createHash('sha256').update(link.token).digest('hex')
    assert.equal(states.get(hash), String(isLive(link)), pageLook(link).what)
  }
}

/** Only the current password logs in. Checked only if it changed, because each login takes a hash. */
export async function assertPasswordsMatch({ people }: Model, real: Real): Promise<void> {
  for (const { address: email, password, oldPasswords } of people) {
    if (oldPasswords.length === 0) continue
    if (password !== null) await post(real, 200, '/api/auth/login', { email, password })
    const [before] = oldPasswords.filter((old) => old !== password).slice(-1)
    if (before) await post(real, 401, '/api/auth/login', { email, password: before })
  }
}
