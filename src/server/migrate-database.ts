import { migrateAndLog, openPostgres } from './prepare-database.ts'
import { startComponents } from './start-components.ts'

/** `movie-bag migrate`: migrates the database and exits. */
export async function migrateDatabase(signal: AbortSignal): Promise<undefined> {
  const { stop } = await startComponents(signal, async (startup) => {
    const { url, data } = await openPostgres(startup)
    await migrateAndLog(url, startup)
    startup.log.info({ event: 'up-to-date', data }, `The schema is up to date. Data: ${data}`)
  })
  await stop()
}
