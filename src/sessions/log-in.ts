import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { accountLimits } from '../accounts/account-limits.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import { canonicalEmail } from '../accounts/email-address.ts'
import type { Config } from '../config/config.ts'
import { type Database, type Queryable, sql, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { bodyErrors, errors } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { countMailsInLastHour, queueMail } from '../mail/outbox.ts'
import { hashPassword, needsRehash, verifyPassword } from '../passwords/hashing.ts'
import { clearFailures, type FailedLogins, failuresKey } from '../passwords/wrong-attempts.ts'
import { signAccessToken, type TokenKey } from './access-token.ts'
import { knownBrowserHash, rememberBrowser } from './known-browser.ts'
import { deleteExcessSessions, startSession } from './session.ts'

export type LogInDependencies = { db: Database; config: Config; failures: FailedLogins }
type Dependencies = LogInDependencies & { limit: LimitByCaller; key: TokenKey }

export const logInRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { limit, key, ...dependencies }) => {
  const schema = {
    summary: 'Log in',
    description: 'Fields other than these two are ignored.',
    tags: ['Accounts'],
    body: Type.Object({ email: Type.String(), password: Type.String() }),
    response: {
      200: Type.Object({ token: Type.String({ description: 'A JWT to send as `Authorization: Bearer <token>`' }) }),
      ...errors('UnauthorizedError', 'UnverifiedEmailError', 'TooManyRequestsError', ...bodyErrors),
    },
  }
  app.post('/api/auth/login', { schema, preHandler: limit('log-in') }, async (request, reply) => {
    const session = await logIn(dependencies, request.body, request, reply)
    reply.headers(noStore)
    return { token: await signAccessToken(key, session) }
  })
}

/**
 * Throws `UnauthorizedError`, after the same work for an address that nobody has as for a wrong password, and for an
 * account with 100 failures in a row; `UnverifiedEmailError` where the settings ask for a verified address.
 */
export async function logIn(
  dependencies: LogInDependencies,
  typed: { email: string; password: string },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  // Where the hash was replaced meanwhile the password may still be right: another login may have replaced it.
  const attempt = () => tryLogIn(dependencies, typed, request, reply)
  const session = (await attempt()) ?? (await attempt())
  if (!session) throw new AppError('UnauthorizedError')
  return session
}

async function tryLogIn(
  { db, config, failures }: LogInDependencies,
  { email, password }: { email: string; password: string },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const canonical = canonicalEmail(email) ?? ''
  const browser = knownBrowserHash(request, config)
  const account = await findAccount(db, canonical, browser)
  const failureKey = failuresKey(canonical, account?.knowsBrowser ? browser : null)
  return failures.count(failureKey, async (isAllowed) => {
    const isRight = await verifyPassword(isAllowed ? account?.passwordHash : undefined, password)
    if (!account?.passwordHash || !isRight) throw new AppError('UnauthorizedError')
    if (config.requireVerifiedEmail && !account.isVerified) {
      await clearFailures(db, failureKey)
      throw new AppError('UnverifiedEmailError')
    }

    const newHash = needsRehash(account.passwordHash) ? await hashPassword(password) : account.passwordHash
    const verified = { id: account.id, passwordHash: account.passwordHash, newHash, knowsBrowser: account.knowsBrowser }
    const from = { ...readClient(request), address: request.ip }
    return db.transaction(async (tx) => {
      const begun = await openSession(tx, config, verified, from)
      if (!begun) return undefined
      await clearFailures(tx, failureKey)
      // Programs that keep no cookies would only fill the table.
      if (request.headers['sec-fetch-site']) await rememberBrowser(tx, account.id, { request, reply, config })
      return begun
    })
  })
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

type Verified = { id: string; passwordHash: string; newHash: string; knowsBrowser: boolean }

/** Begins the session, and tells the owner where nothing like this device was seen before. */
async function openSession(tx: Transaction, config: Config, account: Verified, from: Client & { address: string }) {
  if (account.newHash !== account.passwordHash) {
    await tx.query(sql`
      update accounts set password_hash = ${account.newHash}
      where id = ${account.id} and password_hash = ${account.passwordHash}`)
  }
  const isNews = !account.knowsBrowser && (await isNewDevice(tx, account.id, from))
  const session = await startSession(
    tx,
    { id: account.id, passwordHash: account.newHash },
    { ttlMs: config.sessionTtlMs, device: from.device, address: from.address },
  )
  if (!session) return undefined
  await recordEvent(tx, { accountId: account.id, event: 'logged in', device: from.device })
  await deleteExcessSessions(tx, account.id)
  if (
    isNews &&
    (await countMailsInLastHour(tx, account.id, 'new-device')) < accountLimits['mails about a new device']
  ) {
    const params = { device: from.device }
    await queueMail(tx, { kind: 'new-device', accountId: account.id, params, locale: from.locale })
  }
  return session
}

/** The first login after sign-up is no news. Sessions are purged, so that to have none says nothing of an older account. */
async function isNewDevice(
  tx: Transaction,
  accountId: string,
  { device, address }: { device: string; address: string },
) {
  const [seen] = await tx.query<{ isNew: boolean }>(sql`
    select (
        exists (select from sessions where account_id = ${accountId})
        or exists (select from accounts where id = ${accountId} and created_at < now() - interval '1 day')
      ) and not exists (
        select from sessions where account_id = ${accountId} and device = ${device} and ip_address = ${address}
      ) as "isNew"`)
  return seen?.isNew ?? false
}
