import type { LinkPage } from '../mail-links.ts'

// A model of some people, their accounts and their mails: what recovery promises, in as little code as possible. Each
// function is an event; it changes the model and adds the mails that must follow to `expected`.

export type Link = {
  page: LinkPage
  person: Person
  /** Empty if its mail never arrived. */
  token: string
  /** The number of the mail that it came with. */
  mail: number
  /** When it was minted, by the model's clock. */
  at: number
  /** The email address that it was about when it was mailed. */
  email: string
  change: Change | undefined
  /** An expired link still counts as one of the newest; an ended one does not. */
  isEnded: boolean
  isExpired: boolean
  usedWith: string | undefined
}

type Change = { old: string; wasVerified: boolean; isUndone: boolean; at: number }

export type Person = {
  name: string
  id: string
  address: string
  /** Null if the account is frozen. */
  password: string | null
  /** Earlier passwords. */
  oldPasswords: string[]
  pending: string | null
  isVerified: boolean
  sessions: { id: string; authorization: string; isOver: boolean }[]
  changes: Change[]
  /** Mails with reset links: sent since the last cool-down, those since a link was spent, and the deferred one. */
  sent: number
  unanswered: number
  deferred: number | undefined
  isQuiet: boolean
}

type ExpectedMail = { to: string; subject: string; links: Link[] }

export type Model = {
  people: Person[]
  links: Link[]
  mails: number
  clock: number
  expected: ExpectedMail[]
  /** Previous email addresses that were sent the undo link again. */
  reminded: Set<string>
}

export function isLive(link: Link): boolean {
  return !link.isEnded && !link.isExpired
}

/** A reset link is unknown once the account has another email address. */
export function isKnown({ page, person, email }: Link): boolean {
  return page !== 'reset' || email === person.address
}

export function findHolder(model: Model, address: string): Person | undefined {
  return model.people.find((person) => person.address === address)
}

export function isCoolingDown({ isQuiet, deferred, sent, unanswered }: Person): boolean {
  return isQuiet || deferred !== undefined || sent >= 5 || unanswered > 0
}

/** Writing a reset mail leaves the links of the three newest mails live. */
export function resetMailWritten(model: Model, person: Person, mail = nextMail(model)): Link[] {
  const link = addLink(model, { page: 'reset', person, mail })
  const notMe = addLink(model, { page: 'not-me', person, mail })
  const open = resetLinks(model, person).filter(({ isEnded }) => !isEnded)
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

/** A request for a previous email address mails the undo link again, once in a run. */
export function undoWritten(model: Model, email: string): Link[] {
  const isAway = (change: Change) => change.wasVerified && !change.isUndone && change.old === email
  const person = model.people.find(({ changes }) => changes.some(isAway))
  if (!person || model.reminded.has(email)) return []
  model.reminded.add(email)
  const link = addLink(model, { page: 'undo-address', person, mail: nextMail(model) })
  link.change = person.changes.find(isAway)
  return [link]
}

/** Whether a deferred mail is obsolete because one of its links was spent or revoked. */
export function isObsolete(model: Model, mail: number): boolean {
  return model.links.some((link) => link.page === 'reset' && link.mail === mail && link.isEnded)
}

export function resetFinished(model: Model, link: Link, password: string): void {
  const { person } = link
  endResetLinks(model, person)
  link.usedWith = password
  for (const session of person.sessions) session.isOver = true
  newPassword(person, password)
  Object.assign(person, { pending: null, isVerified: true, isQuiet: false, unanswered: 0 })
  expectChangeMail(model, person, 'Password reset successful')
}

export function passwordChanged(model: Model, person: Person, password: string, by: { authorization: string }): void {
  endResetLinks(model, person)
  for (const session of person.sessions) session.isOver ||= session.authorization !== by.authorization
  newPassword(person, password)
  person.pending = null
  expectChangeMail(model, person, 'Password changed')
}

export function emailChangeRequested(model: Model, person: Person, email: string): void {
  person.pending = email
  const link = addLink(model, { page: 'confirm-address', person, mail: nextMail(model) })
  link.email = email
  model.expected.push({ to: email, subject: 'Confirm your new email address', links: [link] })
}

/** Another account has the email address, or may restore it. */
export function isTaken(model: Model, person: Person, email: string): boolean {
  const others = model.people.filter((other) => other !== person)
  return others.some(
    ({ address, changes }) =>
      address === email || changes.some((one) => one.wasVerified && !one.isUndone && one.old === email),
  )
}

export function emailChanged(model: Model, link: Link): void {
  const { person } = link
  const change = { old: person.address, wasVerified: person.isVerified, isUndone: false, at: tick(model) }
  person.changes.push(change)
  Object.assign(person, { address: link.email, pending: null, isVerified: true })
  link.isEnded = true
  endResetLinks(model, person)
  endLinks(model, person, 'not-me', (one) => isRequest(model, one))
  model.expected.push({ to: change.old, subject: 'Email address changed', links: undoLinks(model, person, change) })
}

/** The link in the mail about a change, if it can be undone. */
function undoLinks(model: Model, person: Person, change: Change): Link[] {
  if (!change.wasVerified) return []
  const undo = addLink(model, { page: 'undo-address', person, mail: nextMail(model) })
  undo.change = change
  return [undo]
}

export function emailRestored(model: Model, link: Link): void {
  link.isEnded = true
  if (link.change) restoreEmail(model, link.person, link.change)
  frozen(model, link.person)
}

/** "This wasn't me", from either kind of mail. */
export function reportedNotMe(model: Model, link: Link): void {
  const { person } = link
  link.isEnded = true
  if (isRequest(model, link)) {
    endResetLinks(model, person)
    person.isQuiet = true
    return
  }
  const away = person.changes.find(({ old, isUndone }) => !isUndone && old === link.email)
  const isFree = model.people.every((other) => other === person || other.address !== link.email)
  if (away && isFree) restoreEmail(model, person, away)
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

/** Restores a previous email address and undoes all later changes. */
function restoreEmail(model: Model, person: Person, change: Change): void {
  Object.assign(person, { address: change.old, isVerified: true, pending: null })
  for (const later of person.changes.slice(person.changes.indexOf(change))) later.isUndone = true
  endLinks(model, person, 'not-me', (one) => !isRequest(model, one))
}

function expectChangeMail(model: Model, person: Person, subject: string): void {
  const link = addLink(model, { page: 'not-me', person, mail: nextMail(model) })
  model.expected.push({ to: person.address, subject, links: [link] })
}

function newPassword(person: Person, password: string): void {
  if (person.password !== null && person.password !== password) person.oldPasswords.push(person.password)
  person.password = password
}

/** Whether the link came with a requested mail, and not with one about a change. */
function isRequest(model: Model, { mail }: Link): boolean {
  return model.links.some((link) => link.page === 'reset' && link.mail === mail)
}

function resetLinks(model: Model, person: Person): Link[] {
  return model.links.filter((link) => link.page === 'reset' && link.person === person)
}

function endResetLinks(model: Model, person: Person): void {
  for (const link of resetLinks(model, person)) link.isEnded = true
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
