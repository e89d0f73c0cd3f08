import assert from 'node:assert/strict'
import fc, { type Arbitrary, type AsyncCommand } from 'fast-check'
import type { LinkPage } from '../mail-links.ts'
import { until } from '../service.ts'
import { ageMails, endQuietHour, expireLinks, makeRetriesDue, postponeRetries } from '../time.ts'
import {
  emailChanged,
  emailChangeRequested,
  emailRestored,
  findHolder,
  isCoolingDown,
  isKnown,
  isLive,
  isObsolete,
  isTaken,
  type Link,
  type Model,
  type Person,
  passwordChanged,
  reportedNotMe,
  resetFinished,
  resetMailSent,
  resetMailWritten,
  undoWritten,
} from './model.ts'
import { assertMailsMatch, assertMatchesModel, post, type Real } from './real.ts'

type Command = AsyncCommand<Model, Real>

/** Everything that owners and attackers can do. Numbers choose people, email addresses and links. */
export function anyCommand(): Arbitrary<Command>[] {
  const n = fc.nat({ max: 100 })
  const two = fc.tuple(n, n)
  const often = [
    n.map((one) => command(`ask ${one}`, (model, real) => ask(model, real, pickEmail(real, one)))),
    n.map((one) =>
      command(`cool down, ask ${one}`, (model, real) => askAfterCoolDown(model, real, pickEmail(real, one))),
    ),
    n.map((one) => withLink('finish', 'reset', one, finish)),
    n.map((one) => withLink('confirm', 'confirm-address', one, confirm)),
    n.map((one) => withLink('undo', 'undo-address', one, undo)),
    two.map(([one, other]) => withTwoLinks('finish two', one, other, finishTwo)),
    two.map(([one, to]) =>
      command(`change address ${one} ${to}`, (model, real) => changeEmail(model, real, pickPerson(model, one), to)),
    ),
  ]
  const seldom = [
    n.map((one) => command(`log in ${one}`, (model, real) => logIn(real, pickPerson(model, one)))),
    n.map((one) => command(`cool down ${one}`, (model, real) => coolDown(real, pickPerson(model, one)))),
    n.map((one) => command(`ask, refused ${one}`, (model, real) => askRefused(model, real, pickEmail(real, one)))),
    n.map((one) => command(`ask, deferred ${one}`, (model, real) => askDeferred(model, real, pickEmail(real, one)))),
    n.map((one) => command(`deliver ${one}`, (model, real) => deliver(model, real, pickPerson(model, one)))),
    n.map((one) => withLink('finish twice', 'reset', one, finishTwice)),
    n.map((one) => withLink('this wasn’t me', 'not-me', one, notMe)),
    n.map((one) =>
      command(`change password ${one}`, (model, real) => changePassword(model, real, pickPerson(model, one))),
    ),
    n.map((one) => withLink('expire', 'reset', one, expire)),
  ]
  return [...often, ...often, ...often, ...seldom]
}

/** Runs an action, and compares the mails and all else with the model. */
function command(
  name: string,
  act: (model: Model, real: Real) => Promise<void>,
  check = (_model: Readonly<Model>) => true,
) {
  const made: Command = {
    check,
    run: async (model, real) => {
      await act(model, real)
      await assertMailsMatch(model, real)
      await assertMatchesModel(model, real)
    },
    toString: () => name,
  }
  return made
}

type WithLink = (model: Model, real: Real, link: Link) => Promise<void>

/** Runs only if such a link was mailed. Live ones are tried most. */
function withLink(name: string, page: LinkPage, which: number, act: WithLink): Command {
  const choose = ({ links }: Readonly<Model>) => {
    const mailed = links.filter((link) => link.page === page && link.token)
    const live = mailed.filter(isLive)
    const among = which % 4 === 0 || live.length === 0 ? mailed : live
    return among[which % Math.max(1, among.length)]
  }
  const run = async (model: Model, real: Real) => {
    const link = choose(model)
    if (link) await act(model, real, link)
  }
  return command(`${name} ${which}`, run, (model) => choose(model) !== undefined)
}

function withTwoLinks(
  name: string,
  one: number,
  other: number,
  act: (model: Model, real: Real, links: [Link, Link]) => Promise<void>,
) {
  const pair = ({ links }: Readonly<Model>): [Link, Link] | undefined => {
    const live = links.filter((link) => link.page === 'reset' && link.token && isLive(link))
    const first = live[one % Math.max(1, live.length)]
    const others = live.filter((link) => link !== first && link.person === first?.person)
    const second = others[other % Math.max(1, others.length)]
    return first && second && [first, second]
  }
  const run = async (model: Model, real: Real) => {
    const links = pair(model)
    if (links) await act(model, real, links)
  }
  return command(`${name} ${one} ${other}`, run, (model) => pair(model) !== undefined)
}

async function ask(model: Model, real: Real, email: string): Promise<void> {
  await post(real, 200, '/api/auth/forgot', { email })
  const person = findHolder(model, email)
  if (person && !isCoolingDown(person)) resetMailSent(model, person)
  const links = person ? [] : undoWritten(model, email)
  if (links.length > 0) model.expected.push({ to: email, subject: 'Email address changed', links })
}

async function askAfterCoolDown(model: Model, real: Real, email: string): Promise<void> {
  const person = findHolder(model, email)
  if (person) await coolDown(real, person)
  await ask(model, real, email)
}

/** The mail server refuses the mail, after it was written. */
async function askRefused(model: Model, real: Real, email: string): Promise<void> {
  real.refusals.set(email, '550 5.1.1 No such mailbox')
  await post(real, 200, '/api/auth/forgot', { email })
  const person = findHolder(model, email)
  if (person && !isCoolingDown(person)) resetMailWritten(model, person)
  if (!person) undoWritten(model, email)
  await assertMailsMatch(model, real)
  real.refusals.delete(email)
}

/** The mail server defers the mail, and further requests wait for it. */
async function askDeferred(model: Model, real: Real, email: string): Promise<void> {
  const person = findHolder(model, email)
  if (!person || isCoolingDown(person)) return ask(model, real, email)
  real.refusals.set(email, '451 4.3.0 Come back later')
  await post(real, 200, '/api/auth/forgot', { email })
  await until(() => postponeRetries(real.bag, person), 'the mail to be deferred')
  real.refusals.delete(email)
  // However often the worker tries, all links belong to the same mail.
  resetMailWritten(model, person)
  person.deferred = model.mails
}

async function deliver(model: Model, { bag }: Real, person: Person): Promise<void> {
  const { deferred } = person
  if (deferred === undefined) return
  await makeRetriesDue(bag, person)
  person.deferred = undefined
  if (!isObsolete(model, deferred)) resetMailSent(model, person, deferred)
}

async function finish(model: Model, real: Real, link: Link): Promise<void> {
  const password = freshPassword()
  const isRight = isLive(link)
  await post(real, isRight ? 200 : 403, '/api/auth/reset', { reset_token: link.token, password })
  if (isRight) resetFinished(model, link, password)
}

/** A double click: both succeed, with one change. */
async function finishTwice(model: Model, real: Real, link: Link): Promise<void> {
  const isAgain = isKnown(link) && link.usedWith !== undefined && link.usedWith === link.person.password
  const password = isAgain && link.usedWith ? link.usedWith : freshPassword()
  const body = { reset_token: link.token, password }
  const expected = isLive(link) || isAgain ? 200 : 403
  await Promise.all([post(real, expected, '/api/auth/reset', body), post(real, expected, '/api/auth/reset', body)])
  if (isLive(link)) resetFinished(model, link, password)
}

/** Two concurrent links of one account: one of them wins. */
async function finishTwo(model: Model, { bag }: Real, links: [Link, Link]): Promise<void> {
  const attempts = links.map((link) => ({ link, password: freshPassword() }))
  const finishing = attempts.map(({ link, password }) =>
    bag.request('POST', '/api/auth/reset', { reset_token: link.token, password }),
  )
  const statuses = (await Promise.all(finishing)).map(({ status }) => status)
  assert.deepEqual(statuses.toSorted(), [200, 403])
  const winner = attempts[statuses.indexOf(200)]
  if (winner) resetFinished(model, winner.link, winner.password)
}

async function notMe(model: Model, real: Real, link: Link): Promise<void> {
  const isRight = isLive(link)
  await post(real, isRight ? 200 : 403, '/api/auth/not-me', { token: link.token })
  if (isRight) reportedNotMe(model, link)
}

async function changeEmail(model: Model, real: Real, person: Person, to: number): Promise<void> {
  const session = person.sessions.find(({ isOver }) => !isOver)
  const email = pickEmail(real, to)
  if (!session || person.password === null) return
  const { authorization } = session
  // Or the limit of requests an hour would be reached.
  await ageMails(real.bag, '1 hour', { id: person.id, kind: 'confirm-address' })
  const wrong = { email, password: 'not the password' }
  if (to % 5 === 0) await post(real, 401, '/api/auth/email', wrong, { authorization })
  await post(real, 200, '/api/auth/email', { email, password: person.password }, { authorization })
  emailChangeRequested(model, person, email)
}

async function confirm(model: Model, real: Real, link: Link): Promise<void> {
  const { person, email, token } = link
  const isWanted = isLive(link) && person.pending === email
  const expected = isWanted ? (isTaken(model, person, email) ? 400 : 200) : 403
  await post(real, expected, '/api/auth/email/confirm', { token })
  if (expected === 200) emailChanged(model, link)
}

async function undo(model: Model, real: Real, link: Link): Promise<void> {
  const isRight = isLive(link) && link.change?.isUndone === false
  await post(real, isRight ? 200 : 403, '/api/auth/email/undo', { token: link.token })
  if (isRight) emailRestored(model, link)
}

async function changePassword(model: Model, real: Real, person: Person): Promise<void> {
  const session = person.sessions.findLast(({ isOver }) => !isOver)
  if (!session || person.password === null) return
  const body = { current_password: person.password, new_password: freshPassword() }
  await post(real, 200, '/api/auth/password', body, { authorization: session.authorization }, 'PUT')
  passwordChanged(model, person, body.new_password, session)
}

async function logIn(real: Real, person: Person): Promise<void> {
  const { address: email, password } = person
  if (password === null) return
  const { body } = await post(real, 200, '/api/auth/login', { email, password })
  const [, claims = ''] = String(body.token).split('.')
  const { sid: id } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'))
  person.sessions.push({ id, authorization: `Bearer ${body.token}`, isOver: false })
}

/** Lets all links of a person expire. */
async function expire(model: Model, { bag }: Real, { person }: Link): Promise<void> {
  for (const link of model.links) if (link.person === person) link.isExpired = true
  await expireLinks(bag, person)
}

/** Two days pass for the mails of a person, except for a deferred one. */
async function coolDown({ bag }: Real, person: Person): Promise<void> {
  await ageMails(bag, '2 days', { id: person.id })
  await endQuietHour(bag, person)
  Object.assign(person, { sent: 0, unanswered: 0, isQuiet: false })
}

let passwords = 0

function freshPassword(): string {
  passwords += 1
  return `a fresh password, number ${passwords}`
}

function pickPerson({ people }: Readonly<Model>, which: number): Person {
  const person = people[which % people.length]
  if (!person) throw new Error('The model has no people.')
  return person
}

/** Few email addresses, so that they collide. */
function pickEmail({ domain }: Real, which: number): string {
  return `${['ada', 'grace', 'x', 'y'][which % 4]}@${domain}`
}
