/** A service with its own PostgreSQL, to be killed: `node test/embedded-service.ts <data folder>`. Tells its parent the url. */
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../src/database/embedded/start.ts'

const dataDir = process.argv[2]
if (dataDir === undefined) throw new Error('Which data folder?')
const { url } = await startEmbeddedPostgres({ dataDir, log: pino({ level: 'silent' }), settings: { fsync: 'off' } })
process.send?.(url)
