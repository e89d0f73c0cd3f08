import type { FastifyInstance } from 'fastify'
import { buildApp } from '../app.ts'
import type { Config } from '../config/config.ts'
import { loadOrCreateSecret } from '../config/generated-secret.ts'
import { version } from '../config/version.ts'
import { openDatabase } from '../database/database.ts'
import { StartError } from '../errors.ts'
import { closeHttp } from '../http/graceful-close.ts'
import { checkMailTemplates } from '../mail/check-templates.ts'
import { type LocalInbox, openLocalInbox } from '../mail/local-inbox/start.ts'
import { tokenKey } from '../sessions/access-token.ts'
import { migrateAndLog, openPostgres } from './prepare-database.ts'
import { type Running, type Startup, startComponents } from './start-components.ts'
import { startMailWorkerThread } from './start-mail-worker-thread.ts'
import { printStartupMessage } from './startup-message.ts'

/**
 * `movie-bag serve`: starts PostgreSQL, migrates it, and starts the local inbox, the mail worker and the HTTP server.
 * Throws a one-line `StartError` if one of them cannot start, or `signal.reason` if `signal` is aborted.
 */
export function serve(signal: AbortSignal): Promise<Running> {
  return startComponents(signal, async (startup) => {
    const { config, log, onStop } = startup
    await checkMailTemplates(config)
    const { url, data } = await openPostgres(startup)
    await migrateAndLog(url, startup)

    const inbox = needsInbox(config) ? await openLocalInbox(config.dataDir) : undefined
    if (inbox) onStop(() => inbox.stop())

    const app = await openApp(startup, url)
    // It is started last, because loading its modules takes as long as the rest, and stopped after the HTTP server.
    let worker: { stop: () => Promise<void> } | undefined
    onStop(async () => worker?.stop())
    await listen(app, config)
    onStop(() => closeHttp(app))
    worker = startMailWorkerThread({ ...config, databaseUrl: url, mail: withInbox(config, inbox) }, log)
    printStartupMessage(config, log, { inbox, data })
  })
}

function needsInbox({ production, mail }: Config): boolean {
  return !(production || mail.server || mail.suppressSend)
}

function withInbox({ mail }: Config, inbox: LocalInbox | undefined): Config['mail'] {
  return inbox ? { ...mail, server: '127.0.0.1', port: inbox.smtpPort } : mail
}

async function openApp({ config, log, onStop }: Startup, databaseUrl: string): Promise<FastifyInstance> {
  const onError = (err: Error) => log.warn({ event: 'connection-lost', err }, 'A connection to the database was lost')
  const db = openDatabase(databaseUrl, { connections: 12, isPrepared: config.databasePrepare, onError })
  onStop(() => db.close())
  const secret = config.jwtSecretKey ?? loadOrCreateSecret(config.dataDir, 'jwt-secret-key')
  const key = await tokenKey(secret, config.jwtSecretKeyOld)
  return buildApp({ config, db, key, log, version })
}

async function listen(app: FastifyInstance, { host, port }: Config): Promise<void> {
  const { level } = app.log
  // Fastify would log every IP address it listens on; the startup message names the URL.
  app.log.level = 'warn'
  await app.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
    const reasons: Record<string, string> = {
      EADDRINUSE: `PORT ${port} on ${host} is in use: stop the program that uses it, or set PORT to another number.`,
      EACCES: `PORT ${port} needs more privileges than this user has: set PORT to a number above 1023.`,
      EADDRNOTAVAIL: `HOST ${host} is not an IP address of this machine: set HOST to 127.0.0.1, or to 0.0.0.0 for all networks.`,
      ENOTFOUND: `HOST ${host} cannot be resolved: set HOST to 127.0.0.1, or to 0.0.0.0 for all networks.`,
    }
    throw new StartError(reasons[error.code ?? ''] ?? `HOST ${host} and PORT ${port} cannot be used: ${error.message}.`)
  })
  app.log.level = level
}
