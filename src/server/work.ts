import { describeDatabase } from '../database/connect.ts'
import { StartError } from '../errors.ts'
import { checkMailTemplates } from '../mail/check-templates.ts'
import { startMailWorker } from './mail-worker.ts'
import { migrateAndLog } from './prepare-database.ts'
import { type Running, startComponents } from './start-components.ts'

/** `movie-bag work`: runs only a mail worker, on the database that `serve` uses. */
export function work(signal: AbortSignal): Promise<Running> {
  return startComponents(signal, async ({ config, log, onStop }) => {
    const { databaseUrl } = config
    if (databaseUrl === 'embedded') {
      throw new StartError(
        '`movie-bag work` does not work with the embedded database: set DATABASE_URL to the database that `serve` uses.',
      )
    }
    await checkMailTemplates(config)
    await migrateAndLog(databaseUrl, { config, log, signal })
    const worker = startMailWorker({ ...config, databaseUrl }, log)
    onStop(() => worker.stop())
    const data = describeDatabase(databaseUrl)
    log.info({ event: 'started', data }, `The mail worker is running. Data: ${data}`)
  })
}
