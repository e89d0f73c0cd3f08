import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { type Database, openDatabase } from '../src/database/database.ts'
import { mailServer } from '../src/mail/smtp.ts'
import { startMailWorker } from '../src/server/mail-worker.ts'
import { tokenKey } from '../src/sessions/access-token.ts'
import { createDatabase } from './database.ts'
import { type Smtp, startSmtp } from './smtp.ts'

/** `body` is the parsed JSON, if there is any. */
export type Answer = { status: number; headers: Headers; body: ReturnType<typeof JSON.parse>; text: string }

/** A Movie Bag with its own database and SMTP server, and what a test needs to talk to it. */
export type MovieBag = {
  url: string
  db: Database
  databaseUrl: string
  smtp: Smtp
  /** The log, one entry per line. */
  log: string[]
  request: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
  stop: () => Promise<void>
}

export const secret = 'a secret that only the tests of Movie Bag know'

/** Starts a Movie Bag with settings for tests, overridden by the ones given, and mail to the given server if any. */
export async function startMovieBag(settings: Record<string, string> = {}, given?: Smtp): Promise<MovieBag> {
  const smtp = given ?? (await startSmtp())
  const databaseUrl = settings['DATABASE_URL'] ?? (await createDatabase())
  const dataDir = mkdtempSync(join(tmpdir(), 'movie-bag-data-'))
  const config = readConfig({
    ENV_FILE_LOCATION: join(import.meta.dirname, 'empty.env'),
    PORT: String(await freePort()),
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    JWT_SECRET_KEY: secret,
    // TEST_DATABASE_URL may name a server on another machine.
    ALLOW_PLAINTEXT: 'database',
    RATE_LIMITS: 'off',
    MAIL_SERVER: '127.0.0.1',
    MAIL_PORT: String(smtp.port),
    ...settings,
  })
  const log: string[] = []
  const logger = pino({ level: config.logLevel }, { write: (line: string) => void log.push(line) })
  const db = openDatabase(databaseUrl, { connections: 10, onError: (error) => logger.warn(error) })
  const key = await tokenKey(config.jwtSecretKey ?? secret, config.jwtSecretKeyOld)
  const app = await buildApp({ config, db, key, log: logger, version: '0.0.0' })
  const worker = startMailWorker(
    { ...config, databaseUrl },
    logger,
    mailServer(config, { log: logger, timeouts: shortTimeouts }),
  )
  const url = await app.listen({ host: config.host, port: config.port })
  return {
    url,
    db,
    databaseUrl,
    smtp,
    log,
    request: (method, path, body, headers) => request(url, method, path, body, headers),
    stop: async () => {
      await app.close()
      await worker.stop()
      await db.close()
      if (!given) await smtp.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** The product waits for minutes, as RFC 5321 asks. */
const shortTimeouts = { connection: 10_000, greeting: 8_000, reply: 20_000 }

/** Returns the logged lines of an event. */
export function logged({ log }: Pick<MovieBag, 'log'>, event: string): ReturnType<typeof JSON.parse>[] {
  return log.map((line) => JSON.parse(line)).filter((line) => line.event === event)
}

/** Sends a body as JSON, or unchanged if it is a string or bytes. */
export async function request(
  origin: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const response = await fetch(origin + path, {
    method,
    redirect: 'manual',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: isRaw ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text ? JSON.parse(text) : undefined,
  }
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}

type Requester = Pick<MovieBag, 'request'>

/** Signs a person up. Ada owns the movie, Grace does not, Eve attacks. */
export async function signUp(bag: Requester, name: string, password = passwordOf(name)) {
  const email = `${name}@example.org`
  const { status, body, text } = await bag.request('POST', '/api/auth/signup', { email, password })
  if (status !== 200) throw new Error(`${name} could not sign up: ${text}`)
  return { email, password, id: String(body.id) }
}

export async function logIn(bag: Requester, { email, password }: { email: string; password: string }) {
  const { status, body, text } = await bag.request('POST', '/api/auth/login', { email, password })
  if (status !== 200) throw new Error(`${email} could not log in: ${text}`)
  return bearer(String(body.token))
}

export function passwordOf(name: string): string {
  return `the long password of ${name}`
}

let given = 0

/**
 * Returns a port that is free. It is outside the range that the system assigns, and each process has its own range, so no
 * other test takes it first.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + ((process.pid * 50 + given) % 20_000)
    given += 1
    if (await canListen(port)) return port
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
