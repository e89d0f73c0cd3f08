import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { migrate } from '../src/database/migrate.ts'

/** Creates the database, migrated to the newest schema, that every test file copies. Returns its name. */
export async function createTemplate(serverUrl: string, prefix: string): Promise<string> {
  const template = `${prefix}_template`
  await onServer(serverUrl, (client) => client.query(`create database ${template}`))
  await migrate(databaseUrl(serverUrl, template), {
    log: pino({ level: 'silent' }),
    signal: AbortSignal.timeout(30_000),
  })
  return template
}

/** Copies the template and returns the URL of the copy. */
export function createDatabase(): Promise<string> {
  return create(`template ${setting('TEST_DATABASE_TEMPLATE')}`)
}

/** Creates a database without a schema, with these options of `create database`, and returns its URL. */
export function createEmptyDatabase(options = ''): Promise<string> {
  return create(options)
}

/** Drops the databases whose names begin with this prefix, and no others. */
export async function dropDatabases(serverUrl: string, prefix: string): Promise<void> {
  await onServer(serverUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [`${prefix}_`],
    )
    for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`)
  })
}

async function create(from: string): Promise<string> {
  const serverUrl = setting('TEST_SERVER_URL')
  const name = `${setting('TEST_DATABASE_PREFIX')}_${randomBytes(6).toString('hex')}`
  await onServer(serverUrl, (client) => client.query(`create database ${name} ${from}`))
  return databaseUrl(serverUrl, name)
}

function setting(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error('Run the tests with `npm test`, or some with `npm test -- <file>`.')
  return value
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}
