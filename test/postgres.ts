import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { pino } from 'pino'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/database/embedded/start.ts'

/** Starts a PostgreSQL in a temporary folder, or uses the server that TEST_DATABASE_URL names. */
export async function startPostgres(): Promise<{ url: string; stop: () => Promise<void> }> {
  const url = process.env['TEST_DATABASE_URL']
  if (url) return { url, stop: async () => {} }
  const dataDir = mkdtempSync(join(tmpdir(), 'movie-bag-test-'))
  // Started as root, PostgreSQL runs as another user, who must be able to enter the folder.
  chmodSync(dataDir, 0o711)
  // Speed over safety: losing a test database to a power cut does no harm.
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '500' }
  const server = await startEmbeddedPostgres({ dataDir, log: pino({ level: 'warn' }), settings, tcp: true })
  await allowCreatingDatabases(server)
  return {
    url: server.url,
    stop: async () => {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Gives the role of the service the rights that tests and measurements need. */
export async function allowCreatingDatabases({ url, directory }: EmbeddedPostgres): Promise<void> {
  const admin = new Client({ connectionString: adminUrl(url, directory) })
  await admin.connect()
  await admin.query('alter role movie_bag_service createdb; grant pg_checkpoint to movie_bag_service')
  await admin.end()
}

/** Returns the URL with which the superuser connects to an embedded server. */
export function adminUrl(url: string, directory: string): string {
  const admin = new URL(url)
  admin.username = 'movie_bag'
  admin.password = readFileSync(join(directory, 'movie-bag-password'), 'utf8')
  return admin.href
}
