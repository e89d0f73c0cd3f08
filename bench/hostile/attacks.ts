import { randomBytes } from 'node:crypto'
import { loop, writeUnread } from './attacker.ts'
import type { Target } from './target.ts'

export type Attack = {
  name: string
  /** What lies in the database before the attack begins: what the attacker could have put there within the limits. */
  prepare: (target: Target) => Promise<unknown>
  run: (target: Target, signal: AbortSignal) => Promise<void>
  /** A page that the reader loads besides the usual ones, because the attack is aimed at it. */
  readerPath?: string
}

export const attacks: Attack[] = [
  {
    name: 'unread-lists',
    prepare: addLargeMovies,
    run: ({ port }, signal) => writeUnread({ port, connections: 12 }, pipelined('/api/movies?sort=-added', 16), signal),
  },
  {
    name: 'unread-bundle',
    prepare: nothing,
    run: ({ port }, signal) =>
      writeUnread({ port, connections: 300 }, pipelined('/docs/static/swagger-ui-bundle.js', 16), signal),
  },
  {
    name: 'large-lists',
    prepare: addLargeMovies,
    run: ({ port }, signal) => loop(10, signal, () => ({ port, path: '/api/movies?sort=-added' })),
  },
  {
    name: 'long-titles',
    prepare: ({ db, accountId }) =>
      db.query(
        `insert into movies (name, casts, genres, added_by)
        select n || repeat(' a', 146), '{a}', '{b}', $1 from generate_series(1, 60) n`,
        [accountId],
      ),
    run: ({ port }, signal) => loop(10, signal, () => ({ port, path: '/?sort=-added' })),
  },
  {
    name: 'misspelt-searches',
    prepare: ({ db, accountId }) =>
      db.query(
        `insert into movies (name, casts, genres, added_by)
        select 'The quiet film number ' || n || ' ' || md5(n::text), array[md5('a' || n)], '{Drama}', $1
        from generate_series(1, 5000) n`,
        [accountId],
      ),
    run: ({ port }, signal) =>
      loop(6, signal, (turn) => ({ port, path: `/api/movies?q=qiuet%20xyzw${turn}%20wxvz%20abdc` })),
    readerPath: '/api/movies?q=quiet&limit=20',
  },
  {
    name: 'account-history',
    prepare: ({ db, accountId }) =>
      db.query(
        `insert into audit_history (account_id, event, device) select $1, 'logged in', '{"browser": "Firefox", "system": "Windows"}' from generate_series(1, 200)`,
        [accountId],
      ),
    run: ({ port, token }, signal) =>
      loop(10, signal, () => ({ port, path: '/account/history', headers: cookie(token) })),
  },
  {
    name: 'many-sessions',
    prepare: addSessions,
    run: ({ port, token }, signal) => loop(10, signal, () => ({ port, path: '/account', headers: cookie(token) })),
  },
  {
    name: 'unread-exports',
    prepare: addLargeMovies,
    run: ({ port, token }, signal) =>
      writeUnread({ port, connections: 30 }, requestBytes('/api/auth/export', token), signal),
  },
  {
    name: 'idle-connections',
    prepare: nothing,
    run: ({ port }, signal) => writeUnread({ port, connections: 3000 }, '', signal),
  },
  {
    name: 'log-ins',
    prepare: nothing,
    run: ({ port }, signal) =>
      loop(100, signal, (turn) => ({
        port,
        method: 'POST',
        path: '/api/auth/login',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: `nobody-${turn}@example.com`, password: 'a guess at a password' }),
      })),
    // Files and their compression share libuv's threads with hashing.
    readerPath: '/assets/style.css',
  },
  {
    name: 'sign-ups',
    prepare: nothing,
    run: ({ port }, signal) =>
      loop(50, signal, (turn) => ({
        port,
        method: 'POST',
        path: '/api/auth/signup',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: `stranger-${turn}@example.com`, password: 'a long and new password' }),
      })),
  },
  {
    name: 'wrong-bodies',
    prepare: nothing,
    run: ({ port, token }, signal) =>
      loop(20, signal, () => ({
        port,
        method: 'POST',
        path: '/api/movies',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: wrongBody,
      })),
  },
  {
    name: 'large-adds',
    prepare: nothing,
    run: ({ port, token }, signal) =>
      loop(10, signal, (turn) => ({
        port,
        method: 'POST',
        path: '/api/movies',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: largeMovie(turn),
      })),
  },
  {
    name: 'filter-pages',
    prepare: addManyGenres,
    run: ({ port }, signal) => loop(10, signal, (turn) => ({ port, path: `/?genre=Genre+${turn % 500}&q=movie` })),
  },
]

const wrongBody = JSON.stringify({ name: 1, casts: Array.from({ length: 24_000 }, () => 1), genres: 'x' })

/** A movie of the largest size that a request can add, in text that does not compress. */
function largeMovie(turn: number): string {
  const name = () => randomBytes(96).toString('hex')
  const casts = Array.from({ length: 200 }, name)
  return JSON.stringify({ name: `Large ${turn} ${name()}`, casts, genres: Array.from({ length: 30 }, name) })
}

async function nothing(): Promise<void> {}

/** A hundred movies of the largest size that a request can add. */
function addLargeMovies({ db, accountId }: Target) {
  return db.query(
    `insert into movies (name, casts, genres, added_by)
    select 'Large ' || n, array(select repeat(md5(n || ':' || m), 6) from generate_series(1, 200) m),
      array(select repeat(md5(n || '-' || m), 6) from generate_series(1, 30) m), $1
    from generate_series(1, 100) n`,
    [accountId],
  )
}

function addManyGenres({ db, accountId }: Target) {
  return db.query(
    `insert into movies (name, casts, genres, added_by)
    select 'Movie of many genres ' || n, '{a}', array(select 'Genre ' || (n * 30 + m) || repeat('x', 150) from generate_series(1, 30) m), $1
    from generate_series(1, 500) n`,
    [accountId],
  )
}

/** As many as an account may have. */
function addSessions({ db, accountId }: Target) {
  return db.query(
    `insert into sessions (account_id, expires_at, device, ip_address)
    select $1, now() + interval '7 days', '{"browser": "Firefox", "system": "Windows"}', '127.0.0.2' from generate_series(1, 100)`,
    [accountId],
  )
}

function pipelined(path: string, times: number): string {
  return requestBytes(path).repeat(times)
}

function requestBytes(path: string, token?: string): string {
  const authorization = token ? `Authorization: Bearer ${token}\r\n` : ''
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${authorization}\r\n`
}

function cookie(token: string): Record<string, string> {
  return { cookie: `movie_bag=${token}` }
}
