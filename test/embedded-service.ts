/** Starts an embedded PostgreSQL in a process that a test kills, and sends its URL, or why it did not start. Takes the data folder. */
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../src/database/embedded/start.ts'

const dataDir = process.argv[2]
if (dataDir === undefined) throw new Error('Which data folder?')
const starting = startEmbeddedPostgres({ dataDir, log: pino({ level: 'silent' }), settings: { fsync: 'off' } })
process.send?.(
  await starting.then(
    ({ url }) => url,
    (error: Error) => error.message,
  ),
)
