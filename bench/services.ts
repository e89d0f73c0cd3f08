import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { type Mailbox, startMailbox } from './mailbox.ts'
import { freePort } from './ports.ts'
import { residentMegabytes, type ServiceProcess, startProcess } from './processes.ts'

/** What is measured. */
export type Subject = {
  /** What `node` runs. */
  command: string[]
  /** Settings that the other subjects do not have. */
  env?: Record<string, string>
  /** After how long without a mail the rest counts as lost: longer than the pause between two attempts. */
  patienceSeconds: number
  /** A query for the number of mails that are not finished. */
  waitingMails: string
}

/** A running subject, with its own database and mail sink. */
export type Service = {
  subject: Subject
  port: number
  db: pg.Client
  mailbox: Mailbox
  /** Restarts the process. Returns the milliseconds from its start to its first response. */
  restart: () => Promise<number>
  residentMegabytes: () => number
}

export const movieBag: Subject = {
  command: [resolve('bin/movie-bag.js'), 'serve'],
  patienceSeconds: 90,
  waitingMails: 'select count(*)::int mails from outbox where closed_at is null',
}

/** Types are stripped in advance, so that the floor starts as fast as a built service. */
export function buildFloor(folder: string): Subject {
  const file = join(folder, 'floor.js')
  writeFileSync(file, stripTypeScriptTypes(readFileSync('bench/floor.ts', 'utf8')))
  return { command: [file], patienceSeconds: 3, waitingMails: 'select 0 mails' }
}

/** Starts a subject in `folder`, on an empty database in which it creates its tables. */
export async function startService(
  subject: Subject,
  serverUrl: string,
  database: string,
  folder: string,
): Promise<Service> {
  const databaseUrl = await createDatabase(serverUrl, database)
  const port = await freePort()
  const mailbox = await startMailbox()
  const env = { ...environment(databaseUrl, port, mailbox.port), ...subject.env }
  const start = () => startProcess({ name: database, command: subject.command, env, folder, port })
  let running: ServiceProcess = await start()
  const db = new pg.Client(databaseUrl)
  db.on('error', () => {}) // the server ends before this connection; a query under way throws
  await db.connect()
  return {
    subject,
    port,
    db,
    mailbox,
    async restart() {
      await running.end()
      running = await start()
      return running.startMilliseconds
    },
    residentMegabytes: () => residentMegabytes(running.pid),
  }
}

/** Waits up to a minute until a service has no work in the background that could disturb the next measurement. */
export async function untilIdle({ db, subject }: Service): Promise<void> {
  for (const giveUp = Date.now() + 60_000; Date.now() < giveUp; ) {
    const { rows } = await db.query<{ mails: number }>(subject.waitingMails)
    if (rows[0]?.mails === 0) return
    await setTimeout(250)
  }
}

async function createDatabase(serverUrl: string, name: string): Promise<string> {
  const server = new pg.Client(serverUrl)
  await server.connect()
  await server.query(`create database ${name}`)
  await server.end()
  return Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
}

/** Production settings without rate limits. The floor uses the same names. */
function environment(databaseUrl: string, port: number, mailPort: number): NodeJS.ProcessEnv {
  return {
    NODE_ENV: 'production',
    DATABASE_URL: databaseUrl,
    HOST: '127.0.0.1',
    PORT: `${port}`,
    PUBLIC_URL: `http://localhost:${port}`,
    JWT_SECRET_KEY: randomBytes(32).toString('base64url'),
    MAIL_SERVER: '127.0.0.1',
    MAIL_PORT: `${mailPort}`,
    MAIL_USE_TLS: 'false',
    MAIL_USE_SSL: 'false',
    MAIL_DEFAULT_SENDER: 'support@movie-bag.com',
    MAX_MOVIES: '100000000',
    MAX_STORAGE_MB: '10000000',
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
  }
}
