import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { hash } from '@node-rs/argon2'
import pg from 'pg'
import { type Answer, ask, get, post, readMember } from '../client.ts'
import { freePort } from '../ports.ts'
import { startProcess } from '../processes.ts'

/** A built service with the limits of production. The attacker calls from 127.0.0.2, the reader from 127.0.0.1. */
export type Target = {
  port: number
  pid: number
  db: pg.Client
  /** The access token and the id of an account that the attacker holds. */
  token: string
  accountId: string
  stop: () => Promise<void>
}

const password = 'a bag full of old movies'
const passwordHash = await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 })

export async function startTarget(place: { serverUrl: string; database: string; folder: string }): Promise<Target> {
  const databaseUrl = await createDatabase(place.serverUrl, place.database)
  const port = await freePort()
  const { pid, end } = await startProcess({
    name: place.database,
    command: [resolve('bin/movie-bag.js'), 'serve'],
    env: environment(databaseUrl, port),
    folder: place.folder,
    port,
  })
  const db = new pg.Client(databaseUrl)
  db.on('error', () => {})
  await db.connect()
  const accountId = await addAccount(db, 'eve@example.com')
  await db.query(
    `insert into movies (name, casts, genres, added_by)
    select 'Movie ' || n, array['Actor ' || n % 89], array['Drama'], $1 from generate_series(1, 200) n`,
    [accountId],
  )
  const login = await useNormally(port)
  return {
    port,
    pid,
    db,
    accountId,
    token: readMember(login, 'token'),
    stop: async () => {
      await db.end()
      await end()
    },
  }
}

/** Brings the process to its usual size, so that what it grows by afterwards is due to the attack. Returns a log-in. */
async function useNormally(port: number): Promise<Answer> {
  const logIn = post('/api/auth/login', { email: 'eve@example.com', password })
  for (let turn = 0; turn < 30; turn += 1) {
    await Promise.all([ask(port, get('/')), ask(port, get('/api/movies?limit=20')), ask(port, get('/log-in'))])
    await Promise.all([ask(port, logIn), ask(port, logIn)])
  }
  return ask(port, logIn)
}

async function addAccount(db: pg.Client, email: string): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `insert into accounts (email, email_canonical, email_verified_at, password_hash) values ($1, $1, now(), $2) returning id`,
    [email, passwordHash],
  )
  return rows[0]?.id ?? ''
}

async function createDatabase(serverUrl: string, name: string): Promise<string> {
  const server = new pg.Client(serverUrl)
  await server.connect()
  await server.query(`create database ${name}`)
  await server.end()
  return Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
}

function environment(databaseUrl: string, port: number): NodeJS.ProcessEnv {
  return {
    NODE_ENV: 'production',
    API_REFERENCE: 'on',
    DATABASE_URL: databaseUrl,
    HOST: '127.0.0.1',
    PORT: `${port}`,
    PUBLIC_URL: `http://localhost:${port}`,
    JWT_SECRET_KEY: randomBytes(32).toString('base64url'),
    MAIL_SERVER: '127.0.0.1',
    MAIL_DEFAULT_SENDER: 'support@movie-bag.com',
    MAIL_SUPPRESS_SEND: 'on',
    LOG_LEVEL: 'warn',
  }
}
