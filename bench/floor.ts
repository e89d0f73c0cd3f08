/**
 * The floor: the least that a Node service can do for the measured requests. Bare Fastify, `pg` with named statements,
 * the same argon2id, and nodemailer without waiting. No sessions, limits, schemas, retries or log: the difference is what
 * Movie Bag's features cost.
 *
 * It is one file that imports only packages, because it runs with its types stripped in advance, like Movie Bag.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import Fastify from 'fastify'
import { createTransport } from 'nodemailer'
import pg from 'pg'

const { DATABASE_URL, PORT, PUBLIC_URL, MAIL_PORT, MAIL_SERVER, MAIL_DEFAULT_SENDER, JWT_SECRET_KEY = '' } = process.env

const connection = { connectionString: DATABASE_URL, options: '-c plan_cache_mode=force_generic_plan' }
const db = new pg.Pool({ ...connection, max: 10 })
/** The pipelined floor sends statements ahead: reads over one connection, writes over four. */
const [reads, ...writes] =
  process.env['FLOOR'] === 'pipelined' ? await Promise.all([0, 1, 2, 3, 4].map(openPipeline)) : [db]
const mail = createTransport({ pool: true, host: MAIL_SERVER, port: Number(MAIL_PORT), secure: false, ignoreTLS: true })
const app = Fastify()

await createTables()

app.get('/health/live', () => ({ status: 'ok' }))

app.get<{ Params: { id: string } }>('/api/movies/:id', async (request) => {
  const found = await reads.query({
    name: 'read-movie',
    text: 'select id, name, casts, genres, year, added_by from movies where id = $1',
    values: [request.params.id],
  })
  return found.rows[0]
})

app.get<{ Querystring: { limit: string; after?: string } }>('/api/movies', async (request, reply) => {
  const { limit, after = '0' } = request.query
  const page = await reads.query({
    name: 'list-movies',
    text: 'select id, name, casts, genres, year, added_by from movies where id > $1 order by id limit $2',
    values: [after, limit],
  })
  reply.header('link', `</api/movies?limit=${limit}&after=${page.rows.at(-1)?.id}>; rel="next"`)
  return page.rows
})

app.post<{ Body: { name: string; casts: string[]; genres: string[] } }>('/api/movies', async (request, reply) => {
  const accountId = readToken(request.headers.authorization)
  if (!accountId) return reply.code(401).send({ message: 'Missing, invalid or expired access token', status: 401 })
  const { name, casts, genres } = request.body
  const added = await nextWriter().query({
    name: 'add-movie',
    text: 'insert into movies (name, casts, genres, added_by) values ($1, $2, $3, $4) returning id',
    values: [name, casts, genres, accountId],
  })
  return { id: added.rows[0].id }
})

app.post<{ Body: { email: string; password: string } }>('/api/auth/login', async (request, reply) => {
  const found = await reads.query({
    name: 'find-account',
    text: 'select id, password_hash from accounts where email_canonical = $1',
    values: [request.body.email.toLowerCase()],
  })
  const account = found.rows[0]
  if (!account || !(await verify(account.password_hash, request.body.password))) {
    return reply.code(401).send({ message: 'Invalid username or password', status: 401 })
  }
  return { token: mintToken(account.id) }
})

app.post<{ Body: { email: string } }>('/api/auth/forgot', async (request) => {
  const token = randomBytes(16).toString('hex').slice(0, 26)
  const minted = await nextWriter().query({
    name: 'add-reset-link',
    text: `insert into reset_links (token_hash, account_id, expires_at)
      select $1, id, now() + interval '24 hours' from accounts where email_canonical = $2 returning account_id`,
    values: [digest(token), request.body.email.toLowerCase()],
  })
  if (minted.rowCount) sendResetMail(request.body.email, `${PUBLIC_URL}/reset/${token}`)
  return {}
})

app.post<{ Body: { reset_token: string; password: string } }>('/api/auth/reset', async (request, reply) => {
  const changed = await nextWriter().query({
    name: 'reset-password',
    text: `with link as (delete from reset_links where token_hash = $1 and expires_at > now() returning account_id)
      update accounts set password_hash = $2 from link where accounts.id = link.account_id returning email`,
    values: [digest(request.body.reset_token), await hash(request.body.password)],
  })
  if (!changed.rowCount) return reply.code(403).send({ message: 'Invalid token', status: 403 })
  sendConfirmation(changed.rows[0].email)
  return {}
})

await app.listen({ host: '127.0.0.1', port: Number(PORT) })

async function openPipeline(): Promise<pg.Client> {
  const client = new pg.Client({ ...connection, pipeline: true })
  await client.connect()
  return client
}

let written = 0

function nextWriter(): pg.Client | pg.Pool {
  return writes[written++ % writes.length] ?? db
}

/** The parts of Movie Bag's tables that the floor uses. */
async function createTables(): Promise<void> {
  await db.query(`
    create table if not exists accounts (
      id uuid primary key default gen_random_uuid(),
      email text not null,
      email_canonical text not null unique,
      password_hash text not null,
      created_at timestamptz not null default now()
    );
    create table if not exists movies (
      id bigint generated always as identity primary key,
      name text not null,
      casts text[] not null,
      genres text[] not null,
      year smallint,
      added_by uuid not null references accounts,
      created_at timestamptz not null default now(),
      unique nulls not distinct (name, year)
    );
    create table if not exists reset_links (
      token_hash bytea primary key,
      account_id uuid not null references accounts,
      expires_at timestamptz not null
    );`)
}

/** A JWT for seven days (RFC 7519, HS256), signed with a synchronous HMAC because nothing is cheaper. */
function mintToken(accountId: string): string {
  const header = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')
  const claims = JSON.stringify({ sub: accountId, exp: Math.floor(Date.now() / 1000) + 7 * 24 * 3600 })
  const signed = `${header}.${Buffer.from(claims).toString('base64url')}`
  return `${signed}.${createHmac('sha256', JWT_SECRET_KEY).update(signed).digest('base64url')}`
}

function readToken(authorization = ''): string | undefined {
  const [header, claims = '', signature = ''] = authorization.replace('Bearer ', '').split('.')
  const expected = createHmac('sha256', JWT_SECRET_KEY).update(`${header}.${claims}`).digest()
  const given = Buffer.from(signature, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  const { sub, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  return exp > Date.now() / 1000 ? sub : undefined
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function sendResetMail(to: string, link: string): void {
  send(to, '[Movie-bag] Reset Your Password', [
    'Dear User,',
    'To reset your password open this address:',
    link,
    'If you have not requested a password reset simply ignore this message.',
    'Movie-bag Support Team',
  ])
}

function sendConfirmation(to: string): void {
  send(to, '[Movie-bag] Password reset successful', [
    'Dear User,',
    'Your password was reset successfully.',
    'Movie-bag Support Team',
  ])
}

/** Does not wait, and loses mails that fail. */
function send(to: string, subject: string, paragraphs: string[]): void {
  const html = paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join('\n')
  mail.sendMail({ from: MAIL_DEFAULT_SENDER, to, subject, text: paragraphs.join('\n\n'), html }).catch(() => {})
}
