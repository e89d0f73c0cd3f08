import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { replacePasswordHash } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { canonicalEmail } from '../accounts/email-address.ts'
import type { Config } from '../config/config.ts'
import { type Database, type Queryable, sql, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient, readIp } from '../http/client.ts'
import { readKnownBrowserCookie, setKnownBrowserCookie } from '../http/cookies.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bodyErrors, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { logRejection } from '../http/security-log.ts'
import { countMailsInLastHour, queueMail } from '../mail/outbox.ts'
import { hashPassword, isHashable, needsRehash, verifyPassword } from '../passwords/hashing.ts'
import { clearFailures, logInCounters, throttle } from '../passwords/throttle.ts'
import { signAccessToken, type TokenKey } from './access-token.ts'
import { hashKnownBrowser, identifyBrowser, rememberBrowser } from './known-browser.ts'
import { deleteExcessSessions, type StartedSession, startSession } from './session.ts'

export type LogInDependencies = {
  db: Database
  config: Pick<Config, 'publicUrl' | 'sessionTtlMs' | 'requireVerifiedEmail'>
}
type Dependencies = LogInDependencies & { limit: LimitByCaller; key: TokenKey }

export const logInRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { limit, key, ...dependencies }) => {
  const { config } = dependencies
  const schema = {
    summary: 'Log in',
    description: 'Ignores other fields.',
    tags: ['Accounts'],
    body: Type.Object({ email: Type.String(), password: Type.String() }),
    response: {
      200: Type.Object({ token: Type.String({ description: 'A JWT to send as `Authorization: Bearer <token>`' }) }),
      ...errors('UnauthorizedError', 'UnverifiedEmailError', ...bodyErrors),
    },
  }
  app.post('/api/auth/login', { schema, preHandler: limit('log-in') }, async (request, reply) => {
    const { session, newBrowserToken } = await logIn(dependencies, request.body, readLogInOrigin(request, config))
    if (newBrowserToken) setKnownBrowserCookie(reply, newBrowserToken, config)
    reply.headers(noStore)
    return { token: await signAccessToken(key, session) }
  })
}

/** Where a login comes from. `ip` is '' if a proxy does not name it. `knownBrowser` is the value of the known-browser cookie. */
export type LogInOrigin = Client & { ip: string; knownBrowser: string | undefined; isBrowser: boolean }

export function readLogInOrigin(request: FastifyRequest, site: { publicUrl: string }): LogInOrigin {
  const knownBrowser = readKnownBrowserCookie(request, site)
  return {
    ...readClient(request),
    ip: readIp(request),
    knownBrowser,
    // Over plain http, browsers omit the first; a form is sent by a browser, and so is the cookie.
    isBrowser: request.headers['sec-fetch-site'] !== undefined || isForm(request) || knownBrowser !== undefined,
  }
}

function isForm({ headers }: FastifyRequest): boolean {
  return headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false
}

/** A new session, and a token for the browser's known-browser cookie if it needs one. */
export type LogIn = { session: StartedSession; newBrowserToken: string | undefined }

type Credentials = { email: string; password: string }

/**
 * Throws `UnauthorizedError` if the email address or the password is wrong, taking the same time for both;
 * `TooManyRequestsError` if too many wrong passwords were just entered; `UnverifiedEmailError` if the settings require
 * a verified email address.
 */
export async function logIn(
  dependencies: LogInDependencies,
  credentials: Credentials,
  origin: LogInOrigin,
): Promise<LogIn> {
  const first = await tryLogIn(dependencies, credentials, origin)
  if (first) return first
  // The hash was replaced after it was verified. Another login may have done that, with the same password: try again.
  const second = await tryLogIn(dependencies, credentials, origin)
  if (!second) throw loginFailed()
  return second
}

/** Returns undefined if the password hash is replaced in the meantime. */
async function tryLogIn(
  { db, config }: LogInDependencies,
  { email, password }: Credentials,
  origin: LogInOrigin,
): Promise<LogIn | undefined> {
  // No account can have this password, so it does not count as a guess.
  if (!isHashable(password)) throw loginFailed()
  const canonical = canonicalEmail(email.trim()) ?? ''
  const browser = hashKnownBrowser(origin.knownBrowser)
  const account = await findAccount(db.reads, canonical, browser)
  const counters = logInCounters(canonical || email, browser && account?.knowsBrowser ? { browser } : origin)
  return throttle(db, counters, async ({ failureSlowsDown }) => {
    const isRight = await verifyPassword(account?.passwordHash, password)
    if (!account?.passwordHash || !isRight) {
      if (failureSlowsDown && canonical) await warnOwner(db, canonical)
      throw loginFailed(account?.id)
    }
    if (config.requireVerifiedEmail && !account.isVerified) {
      await clearFailures(db, counters)
      throw new AppError('UnverifiedEmailError')
    }
    const { id, passwordHash: from } = account
    const to = needsRehash(from, password) ? await hashPassword(password) : from
    return db.transaction(async (tx) => {
      if (to !== from) await replacePasswordHash(tx, id, { from, to })
      const started = await startLogIn(tx, { id, passwordHash: to, ttlMs: config.sessionTtlMs }, origin)
      if (!started) return undefined
      await Promise.all([
        clearFailures(tx, counters),
        account.knowsBrowser ? undefined : notifyNewDevice(tx, started.session, origin),
      ])
      return started
    })
  })
}

function loginFailed(accountId?: string): AppError {
  logRejection('login-failed', accountId)
  return new AppError('UnauthorizedError')
}

/**
 * Queued whether or not the account exists, so that the response takes the same time. The mail worker looks the account
 * up.
 */
async function warnOwner(db: Queryable, email: string): Promise<void> {
  await queueMail(db, { kind: 'wrong-passwords', email })
}

type FoundAccount = { id: string; passwordHash: string | null; isVerified: boolean; knowsBrowser: boolean }

async function findAccount(
  db: Queryable,
  canonical: string,
  browser: Buffer | null,
): Promise<FoundAccount | undefined> {
  const [account] = await db.query<FoundAccount>(sql`
    select id, password_hash as "passwordHash", email_verified_at is not null as "isVerified",
      exists (select from known_browsers where account_id = accounts.id and token_hash = ${browser}) as "knowsBrowser"
    from accounts
    where email_canonical = ${canonical}`)
  return account
}

type VerifiedAccount = { id: string; passwordHash: string; ttlMs: number }

/** Starts a session for an account whose password was verified, or undefined if its hash has been replaced. */
async function startLogIn(
  tx: Transaction,
  { id: accountId, passwordHash, ttlMs }: VerifiedAccount,
  { device, ip, knownBrowser, isBrowser }: LogInOrigin,
): Promise<LogIn | undefined> {
  // Only browsers: clients that keep no cookies would add a row at each login.
  const browser = isBrowser ? identifyBrowser(knownBrowser) : undefined
  const started = { accountId, passwordHash, ttlMs, device, ip, browser: browser?.tokenHash ?? null }
  const session = await startSession(tx, started)
  if (!session) return undefined
  await Promise.all([
    deleteExcessSessions(tx, accountId),
    recordEvent(tx, { accountId, event: 'logged in', device }),
    browser && rememberBrowser(tx, accountId, browser),
  ])
  return { session, newBrowserToken: browser?.newToken }
}

/** Starts the first session of an account that has just signed up. */
export async function logInNewAccount(
  { db, config }: Pick<LogInDependencies, 'db' | 'config'>,
  account: { id: string; passwordHash: string },
  origin: LogInOrigin,
): Promise<LogIn> {
  return db.transaction(async (tx) => {
    const started = await startLogIn(tx, { ...account, ttlMs: config.sessionTtlMs }, origin)
    if (!started) throw new AppError('UnauthorizedError')
    return started
  })
}

/** The most new-device mails an account gets per hour. */
export const maxNewDeviceMails = 10

/** Mails the owner unless another session makes this device and IP address known. */
async function notifyNewDevice(
  tx: Transaction,
  { id: sessionId, accountId }: StartedSession,
  { device, ip }: LogInOrigin,
): Promise<void> {
  // Don't notify about the first login after sign-up. Sessions are purged, so an older account may have no others.
  const [seen] = await tx.query<{ isNewDevice: boolean }>(sql`
    with others as (select device, ip_address, is_device_known from sessions where account_id = ${accountId} and id <> ${sessionId})
    select (
        exists (select from others)
        or exists (select from accounts where id = ${accountId} and created_at < now() - interval '1 day')
      ) and not exists (
        select from others where device = ${device} and ip_address = ${ip} and is_device_known
      ) as "isNewDevice"`)
  if (!seen?.isNewDevice) return
  if ((await countMailsInLastHour(tx, accountId, 'new-device')) >= maxNewDeviceMails) return
  await queueMail(tx, { kind: 'new-device', accountId, params: { device } })
}
