import { hash } from '@node-rs/argon2'
import { ask, post, readMember } from './client.ts'
import type { Service } from './services.ts'

/** The password of all seeded accounts. They share one hash, because hashing each would take hours. */
export const password = 'a bag full of old movies'
const passwordHash = await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 })

/** Adds accounts without any requests, numbered consecutively. Returns the number of the first. */
export async function addAccounts({ db }: Service, count: number): Promise<number> {
  const { rows } = await db.query<{ known: number }>('select count(*)::int known from accounts')
  const first = rows[0]?.known ?? 0
  await db.query(
    `insert into accounts (email, email_canonical, password_hash)
    select address, address, $3
    from generate_series($1::int, $1::int + $2::int - 1) n, format('reader-%s@example.com', n) address`,
    [first, count, passwordHash],
  )
  await db.query('vacuum analyze accounts')
  return first
}

/** Adds movies by account number 0. Their ids start at 1. */
export async function addMovies({ db }: Service, count: number): Promise<void> {
  await db.query(
    `insert into movies (name, casts, genres, added_by)
    select 'Movie ' || n,
      array['Actor ' || n % 4999, 'Actor ' || n % 997, 'Actor ' || n % 89], array['Drama', 'Comedy'], id
    from accounts, generate_series(1, $1::int) n where email_canonical = $2`,
    [count, address(0)],
  )
  await db.query('vacuum analyze movies')
  await db.query('checkpoint')
}

export function address(account: number): string {
  return `reader-${account}@example.com`
}

/** Logs account number 0 in, and returns its access token. */
export async function signIn({ port }: Service): Promise<string> {
  return readMember(await ask(port, post('/api/auth/login', { email: address(0), password })), 'token')
}
