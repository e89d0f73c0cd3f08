import type { FastifyInstance } from 'fastify'
import { buildApp } from '../app.ts'
import { type Config, readConfig } from '../config/config.ts'
import { loadOrCreateSecret } from '../config/generated-secret.ts'
import { version } from '../config/version.ts'
import { openDatabase } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import { StartError } from '../errors.ts'
import { closeHttp } from '../http/graceful-close.ts'
import { checkMailTemplates } from '../mail/check-templates.ts'
import { type LocalInbox, openLocalInbox } from '../mail/local-inbox/start.ts'
import { tokenKey } from '../sessions/access-token.ts'
import { createLogger, type Logger } from './logger.ts'
import { startWorkerThread } from './mail-worker-thread.ts'
import { printStartupMessage } from './startup-message.ts'

// What only some starts need is imported where they need it: half a second passes from a start to its first answer.

/** What was started, to be stopped in reverse. */
export type Running = { stop: () => Promise<void>; log: Logger }

/**
 * `movie-bag serve`: the database, its schema, the local inbox, the HTTP service and the mail worker, in this order.
 * Throws a `StartError` of one line where one of them cannot start, and the reason of `signal` where that is aborted
 * meanwhile; what had started by then is stopped again.
 */
export function serve(signal: AbortSignal): Promise<Running> {
  return startAll(signal, async (config, log, onStop) => {
    await checkMailTemplates(config)
    const database = await openServer(config, log, onStop)
    await migrateAndLog(database.url, { log, signal })

    const inbox = needsInbox(config) ? await openLocalInbox(config.dataDir) : undefined
    if (inbox) onStop(() => inbox.stop())
    const settings = { ...config, databaseUrl: database.url, mail: withInbox(config, inbox) }

    const db = openDatabase(database.url, {
      connections: 20,
      onError: (error) => log.warn({ err: error }, lostConnection),
    })
    onStop(() => db.close())
    const key = await tokenKey(config.jwtSecretKey ?? loadOrCreateSecret(config.dataDir, 'jwt-secret-key'))
    const app = await buildApp({ config: settings, db, key, log, version })
    const worker = startWorkerThread(settings, log)
    onStop(() => worker.stop())
    await listen(app, config)
    onStop(() => closeHttp(app))
    printStartupMessage(config, log, { inbox, data: database.directory })
  })
}

/** `movie-bag work`: the mail worker alone, beside any number of `serve` on the same PostgreSQL. */
export function work(signal: AbortSignal): Promise<Running> {
  return startAll(signal, async (config, log, onStop) => {
    const { databaseUrl } = config
    if (!databaseUrl)
      throw new StartError('DATABASE_URL is not set: `movie-bag work` needs the database that `serve` uses.')
    await checkMailTemplates(config)
    await migrateAndLog(databaseUrl, { log, signal })
    const { startWorker } = await import('./mail-worker.ts')
    const worker = startWorker({ ...config, databaseUrl }, log)
    onStop(() => worker.stop())
    log.info('The mail worker runs')
  })
}

/** `movie-bag migrate`: brings the database to the newest schema, and ends. */
export async function migrateOnly(signal: AbortSignal): Promise<undefined> {
  const { stop } = await startAll(signal, async (config, log, onStop) => {
    const database = await openServer(config, log, onStop)
    await migrateAndLog(database.url, { log, signal })
    log.info('The database has the newest schema')
  })
  await stop()
}

type OnStop = (stop: () => Promise<void>) => void

async function startAll(
  signal: AbortSignal,
  start: (config: Config, log: Logger, onStop: OnStop) => Promise<void>,
): Promise<Running> {
  const config = readConfig()
  const log = await createLogger(config)
  for (const warning of config.warnings) log.warn(warning)
  const stops: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const stopOne of stops.reverse().splice(0)) {
      await stopOne().catch((error: unknown) => log.error({ err: error }, 'A part did not stop as it should'))
    }
  }
  try {
    await start(config, log, (stopOne) => {
      stops.push(stopOne)
      signal.throwIfAborted()
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { stop, log }
}

/** The PostgreSQL of the settings, or one of our own. */
async function openServer({ databaseUrl, dataDir }: Config, log: Logger, onStop: OnStop) {
  if (databaseUrl) return { url: databaseUrl, directory: undefined }
  const { startEmbeddedPostgres } = await import('../database/embedded/start.ts')
  const embedded = await startEmbeddedPostgres({ dataDir, log: log.child({}, { level: 'warn' }) })
  onStop(() => embedded.stop())
  return embedded
}

async function migrateAndLog(url: string, patience: { log: Logger; signal: AbortSignal }): Promise<void> {
  const names = await migrate(url, patience)
  if (names.length > 0) patience.log.debug(`The database was migrated: ${names.join(', ')}`)
}

function needsInbox({ production, mail }: Config): boolean {
  return !(production || mail.server || mail.suppressSend)
}

function withInbox({ mail }: Config, inbox: LocalInbox | undefined): Config['mail'] {
  return inbox ? { ...mail, server: '127.0.0.1', port: inbox.smtpPort } : mail
}

async function listen(app: FastifyInstance, { host, port }: Config): Promise<void> {
  const { level } = app.log
  // Fastify would log every address it listens on; the announcement says where to find it.
  app.log.level = 'warn'
  await app.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
    const reasons: Record<string, string> = {
      EADDRINUSE: `PORT ${port} on ${host} is in use: stop what listens there, or set PORT to another number.`,
      EACCES: `PORT ${port} is one that this user may not listen on: set PORT to a number from 1024 on.`,
      EADDRNOTAVAIL: `HOST ${host} is no address of this machine: set HOST to 127.0.0.1, or to 0.0.0.0 for all networks.`,
      ENOTFOUND: `HOST ${host} is a name that nobody knows: set HOST to 127.0.0.1, or to 0.0.0.0 for all networks.`,
    }
    throw new StartError(reasons[error.code ?? ''] ?? `HOST ${host} and PORT ${port} cannot be used: ${error.message}.`)
  })
  app.log.level = level
}

const lostConnection = 'A connection to the database was lost'
