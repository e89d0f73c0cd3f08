import type { LinkPage } from '../mail-links.ts'

// What is known of some people, their accounts and the mails to them: the promises of the recovery, in the fewest words.
// Each function is something that happened; it answers nothing, and expects the mails that must follow.

export type Link = {
  page: LinkPage
  person: Person
  /** Empty where its mail never arrived. */
  token: string
  /** Which mail it came with, counted up. */
  mail: number
  /** When it was made, by the model's clock. */
  at: number
  /** The address that it was about when it was mailed. */
  email: string
  change: Change | undefined
  /** A link that has ended says so on its page; one that is expired does so too, and still has its place among the newest. */
  isEnded: boolean
  isExpired: boolean
  usedWith: string | undefined
}

export type Change = { old: string; isUndone: boolean; at: number }

export type Person = {
  name: string
  id: string
  address: string
  /** Null where the account is frozen. */
  password: string | null
  /** What it was before. */
  oldPasswords: string[]
  pending: string | null
  isVerified: boolean
  sessions: { id: string; authorization: string; isOver: boolean }[]
  changes: Change[]
  /** Mails with reset links: sent since the last cool-down, those of them since a link was used, and one put off. */
  sent: number
  unanswered: number
  putOff: number | undefined
  isQuiet: boolean
}

export type ExpectedMail = { to: string; subject: string; links: Link[] }

export type Model = {
  people: Person[]
  links: Link[]
  mails: number
  clock: number
  expected: ExpectedMail[]
  /** The addresses that an account has left and that were told once more how to undo that. */
  told: Set<string>
}

export function isLive(link: Link): boolean {
  return !link.isEnded && !link.isExpired
}

/** The page knows nothing of a reset link in another mailbox than the account's. */
export function isKnown({ page, person, email }: Link): boolean {
  return page !== 'reset' || email === person.address
}

export function holderOf(model: Model, address: string): Person | undefined {
  return model.people.find((person) => person.address === address)
}

export function isTooSoon({ isQuiet, putOff, sent, unanswered }: Person): boolean {
  return isQuiet || putOff !== undefined || sent >= 5 || unanswered > 0
}

/** A reset mail is written: the links of the three newest ones live. */
export function resetMailWritten(model: Model, person: Person, mail = nextMail(model)): Link[] {
  const link = addLink(model, { page: 'reset', person, mail })
  const notMe = addLink(model, { page: 'not-me', person, mail })
  const open = resetLinksOf(model, person).filter(({ isEnded }) => !isEnded)
  // A second attempt at an older mail makes it the newest.
  const newest = [...new Set(open.map((one) => one.mail).reverse())].slice(0, 3)
  for (const one of open) if (!newest.includes(one.mail)) one.isEnded = true
  return [link, notMe]
}

export function resetMailSent(model: Model, person: Person, mail?: number): void {
  const links = resetMailWritten(model, person, mail)
  person.sent += 1
  person.unanswered += 1
  model.expected.push({ to: person.address, subject: 'Reset Your Password', links })
}

/** Who asks at an address that an account has left is told how to undo that, once within any time that a run takes. */
export function undoWritten(model: Model, email: string): Link[] {
  const isAway = (change: Change) => !change.isUndone && change.old === email
  const person = model.people.find(({ changes }) => changes.some(isAway))
  if (!person || model.told.has(email)) return []
  model.told.add(email)
  const link = addLink(model, { page: 'undo-address', person, mail: nextMail(model) })
  link.change = person.changes.find(isAway)
  return [link]
}

/** Whether a mail that was put off has become needless: a link of it was used or cancelled meanwhile. */
export function isNeedless(model: Model, mail: number): boolean {
  return model.links.some((link) => link.page === 'reset' && link.mail === mail && link.isEnded)
}

export function resetFinished(model: Model, link: Link, password: string): void {
  const { person } = link
  endResetLinks(model, person)
  link.usedWith = password
  for (const session of person.sessions) session.isOver = true
  newPassword(person, password)
  Object.assign(person, { pending: null, isVerified: true, isQuiet: false, unanswered: 0 })
  changeTold(model, person, 'Password reset successful')
}

export function passwordChanged(model: Model, person: Person, password: string, by: { authorization: string }): void {
  endResetLinks(model, person)
  for (const session of person.sessions) session.isOver ||= session.authorization !== by.authorization
  newPassword(person, password)
  person.pending = null
  changeTold(model, person, 'Password changed')
}

export function addressAsked(model: Model, person: Person, email: string): void {
  person.pending = email
  const link = addLink(model, { page: 'confirm-address', person, mail: nextMail(model) })
  link.email = email
  model.expected.push({ to: email, subject: 'Confirm your new e-mail address', links: [link] })
}

/** Somebody else has it, or may come back to it. */
export function isTaken(model: Model, person: Person, email: string): boolean {
  const others = model.people.filter((other) => other !== person)
  return others.some(
    ({ address, changes }) => address === email || changes.some((one) => !one.isUndone && one.old === email),
  )
}

export function addressConfirmed(model: Model, link: Link): void {
  const { person } = link
  const change = { old: person.address, isUndone: false, at: tick(model) }
  person.changes.push(change)
  Object.assign(person, { address: link.email, pending: null, isVerified: true })
  link.isEnded = true
  endResetLinks(model, person)
  const told = addLink(model, { page: 'undo-address', person, mail: nextMail(model) })
  told.change = change
  endLinks(model, person, 'not-me', (one) => isRequest(model, one))
  model.expected.push({ to: change.old, subject: 'E-mail address changed', links: [told] })
}

export function addressUndone(model: Model, link: Link): void {
  link.isEnded = true
  if (link.change) comeBack(model, link.person, link.change)
  frozen(model, link.person)
}

/** "This wasn't me", from either kind of mail. */
export function disowned(model: Model, link: Link): void {
  const { person } = link
  link.isEnded = true
  if (isRequest(model, link)) {
    endResetLinks(model, person)
    person.isQuiet = true
    return
  }
  const away = person.changes.find(({ old, isUndone }) => !isUndone && old === link.email)
  if (away) comeBack(model, person, away)
  frozen(model, person)
}

function frozen(model: Model, person: Person): void {
  if (person.password !== null) person.oldPasswords.push(person.password)
  Object.assign(person, { password: null, pending: null })
  for (const session of person.sessions) session.isOver = true
  endResetLinks(model, person)
  endLinks(model, person, 'confirm-address', () => true)
  endLinks(model, person, 'not-me', (one) => isRequest(model, one))
  resetMailSent(model, person)
}

/** An address that was left is the account's again; what was changed after does not count any more. */
function comeBack(model: Model, person: Person, change: Change): void {
  Object.assign(person, { address: change.old, isVerified: true, pending: null })
  for (const later of person.changes.slice(person.changes.indexOf(change))) later.isUndone = true
  endLinks(model, person, 'not-me', (one) => !isRequest(model, one))
}

function changeTold(model: Model, person: Person, subject: string): void {
  const link = addLink(model, { page: 'not-me', person, mail: nextMail(model) })
  model.expected.push({ to: person.address, subject, links: [link] })
}

function newPassword(person: Person, password: string): void {
  if (person.password !== null && person.password !== password) person.oldPasswords.push(person.password)
  person.password = password
}

/** The link of a mail that somebody asked for, and not of one that tells of a change. */
function isRequest(model: Model, { mail }: Link): boolean {
  return model.links.some((link) => link.page === 'reset' && link.mail === mail)
}

function resetLinksOf(model: Model, person: Person): Link[] {
  return model.links.filter((link) => link.page === 'reset' && link.person === person)
}

function endResetLinks(model: Model, person: Person): void {
  for (const link of resetLinksOf(model, person)) link.isEnded = true
}

function endLinks(model: Model, person: Person, page: LinkPage, which: (link: Link) => boolean): void {
  for (const link of model.links) if (link.person === person && link.page === page && which(link)) link.isEnded = true
}

function nextMail(model: Model): number {
  model.mails += 1
  return model.mails
}

function tick(model: Model): number {
  model.clock += 1
  return model.clock
}

function addLink(model: Model, { page, person, mail }: Pick<Link, 'page' | 'person' | 'mail'>): Link {
  const fate = { isEnded: false, isExpired: false, usedWith: undefined, change: undefined }
  const link: Link = { page, person, mail, at: tick(model), token: '', email: person.address, ...fate }
  model.links.push(link)
  return link
}
