import { migrate } from '../database/migrate.ts'
import type { Startup } from './start-components.ts'

/**
 * Returns the URL of the PostgreSQL server in the settings, or starts the embedded one and returns its URL and data
 * folder.
 */
export async function openPostgres({ config, log, onStop }: Startup): Promise<{ url: string; directory?: string }> {
  const { databaseUrl, dataDir } = config
  if (databaseUrl) return { url: databaseUrl }
  // Imported only if needed, because loading it takes time.
  const { startEmbeddedPostgres } = await import('../database/embedded/start.ts')
  const embedded = await startEmbeddedPostgres({ dataDir, log: log.child({}, { level: 'warn' }) })
  onStop(() => embedded.stop())
  return embedded
}

export async function migrateAndLog(url: string, { log, signal }: Pick<Startup, 'log' | 'signal'>): Promise<void> {
  const names = await migrate(url, { log, signal })
  if (names.length > 0) log.debug({ event: 'migrated' }, `The database was migrated: ${names.join(', ')}`)
}
