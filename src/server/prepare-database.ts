import { describeDatabase } from '../database/connect.ts'
import { migrate } from '../database/migrate.ts'
import { checkPooler } from '../database/pooler.ts'
import type { Startup } from './start-components.ts'

/** `data` says where the data is: a folder, or a server and database. */
export type Postgres = { url: string; data: string }

/** Returns the PostgreSQL database that the settings name, after starting the embedded server if it is that one. */
export async function openPostgres({ config, log, onStop }: Startup): Promise<Postgres> {
  const { databaseUrl, dataDir } = config
  if (databaseUrl !== 'embedded') return { url: databaseUrl, data: describeDatabase(databaseUrl) }
  // Imported only if needed, because loading it takes time.
  const { startEmbeddedPostgres } = await import('../database/embedded/start.ts')
  const embedded = await startEmbeddedPostgres({ dataDir, log: log.child({}, { level: 'warn' }) })
  onStop(() => embedded.stop())
  return { url: embedded.url, data: embedded.directory }
}

/** Migrates the database, and throws a `StartError` if a pooler in front of it needs another setting. */
export async function migrateAndLog(
  url: string,
  { config, log, signal }: Pick<Startup, 'config' | 'log' | 'signal'>,
): Promise<void> {
  const names = await migrate(url, { log, signal })
  if (config.databaseUrl !== 'embedded' && config.databasePrepare) await checkPooler(url)
  if (names.length > 0) log.debug({ event: 'migrated' }, `The database was migrated: ${names.join(', ')}`)
}
