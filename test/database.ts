import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { migrate } from '../src/database/migrate.ts'

/** Makes the database with the newest schema of which every test file takes a copy. */
export async function createTemplate(serverUrl: string, prefix: string): Promise<void> {
  await onServer(serverUrl, (client) => client.query(`create database ${prefix}_template`))
  const patience = { log: pino({ level: 'silent' }), signal: AbortSignal.timeout(30_000) }
  await migrate(databaseUrl(serverUrl, `${prefix}_template`), patience)
}

/** A copy of the template. Answers its URL. */
export async function createDatabase(): Promise<string> {
  const { TEST_SERVER_URL: serverUrl, TEST_DATABASE_PREFIX: prefix } = process.env
  if (!serverUrl || !prefix) throw new Error('Run the tests with `npm test`, or some with `npm test -- <file>`.')
  const name = `${prefix}_${randomBytes(6).toString('hex')}`
  await onServer(serverUrl, (client) => client.query(`create database ${name} template ${prefix}_template`))
  return databaseUrl(serverUrl, name)
}

/** An empty database, without any schema. Returns its URL. */
export async function createEmptyDatabase(): Promise<string> {
  const { TEST_SERVER_URL: serverUrl, TEST_DATABASE_PREFIX: prefix } = process.env
  if (!serverUrl || !prefix) throw new Error('Run the tests with `npm test`, or some with `npm test -- <file>`.')
  const name = `${prefix}_${randomBytes(6).toString('hex')}`
  await onServer(serverUrl, (client) => client.query(`create database ${name}`))
  return databaseUrl(serverUrl, name)
}

/** Drops what this run has made, and nothing else. */
export async function dropDatabases(serverUrl: string, prefix: string): Promise<void> {
  await onServer(serverUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [`${prefix}_`],
    )
    for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`)
  })
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
