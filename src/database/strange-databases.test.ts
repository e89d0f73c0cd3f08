import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { pino } from 'pino'
import { createEmptyDatabase } from '../../test/database.ts'
import { allMailSettled, mailedToken } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { migrate } from './migrate.ts'

const migrateAt = (url: string) => migrate(url, { log: pino({ level: 'silent' }), signal: AbortSignal.timeout(30_000) })

for (const encoding of ['LATIN1', 'SQL_ASCII', 'EUC_JP']) {
  test(`a database with the encoding ${encoding} is refused, with a statement that creates another`, async () => {
    const url = await createEmptyDatabase(`encoding '${encoding}' locale 'C' template template0`)
    await assert.rejects(
      migrateAt(url),
      new RegExp(`has the encoding ${encoding}, .*: create database movie_bag .*UTF8`),
    )
  })
}

const settings: Record<string, string> = {
  default_transaction_isolation: 'serializable',
  statement_timeout: '300ms',
  lock_timeout: '50ms',
  timezone: 'Asia/Kathmandu',
  datestyle: 'German, DMY',
  bytea_output: 'escape',
  standard_conforming_strings: 'off',
  plan_cache_mode: 'force_generic_plan',
  intervalstyle: 'sql_standard',
  extra_float_digits: '-5',
}

for (const collation of [
  "locale 'C'",
  "locale_provider icu icu_locale 'tr-TR' locale 'C'",
  "locale_provider icu icu_locale 'de-DE' locale 'C'",
]) {
  test(`a database with ${collation} and unusual defaults works`, async () => {
    const url = await createEmptyDatabase(`encoding 'UTF8' ${collation} template template0`)
    const name = new URL(url).pathname.slice(1)
    const client = new pg.Client(url)
    await client.connect()
    for (const [setting, value] of Object.entries(settings)) {
      await client.query(`alter database ${name} set ${setting} = '${value}'`)
    }
    await client.end()
    await migrateAt(url)
    await useEverything(url)
  })
}

/** Signs up, logs in, adds, finds and sorts movies, recovers the account, and does several of these at once. */
async function useEverything(url: string): Promise<void> {
  const bag = await startMovieBag({ DATABASE_URL: url })
  try {
    const ida = await signUp(bag, 'IDA')
    assert.equal((await bag.request('POST', '/api/auth/login', { ...ida, email: 'ida@example.org' })).status, 200)
    const session = await logIn(bag, ida)
    const titles = ['Irma la Douce', 'ıslık', 'Ärger', 'Zorba', 'The İmmigrant', 'СТАЛКЕР']
    const added = await Promise.all(
      titles.map((title) =>
        bag.request('POST', '/api/movies', { name: title, casts: ['Iris Ida'], genres: ['Drama'] }, session),
      ),
    )
    for (const { status, text } of added) assert.equal(status, 200, text)
    for (const q of ['irma', 'IRMA', 'islik', 'arger', 'immigrant', 'сталкер']) {
      const { body } = await bag.request('GET', `/api/movies?q=${q}&limit=5`)
      assert.equal(body.length, 1, `${q} finds ${JSON.stringify(body)}`)
    }
    const sorted = (await bag.request('GET', '/api/movies?sort=name')).body.map(({ name }: { name: string }) => name)
    assert.deepEqual(sorted, ['Ärger', 'Irma la Douce', 'ıslık', 'The İmmigrant', 'Zorba', 'СТАЛКЕР'])
    const logins = await Promise.all(Array.from({ length: 6 }, () => bag.request('POST', '/api/auth/login', ida)))
    for (const { status, text } of logins) assert.equal(status, 200, text)
    await bag.request('POST', '/api/auth/forgot', { email: ida.email })
    const reset = { reset_token: await mailedToken(bag, 'reset', ida.email), password: 'another long password' }
    assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
    await allMailSettled(bag)
    const again = await logIn(bag, { ...ida, password: reset.password })
    const { body } = await bag.request('GET', '/api/auth/history', undefined, again)
    assert.ok(body.length > 3)
    for (const { at } of body) assert.ok(Math.abs(Date.parse(at) - Date.now()) < 120_000, at)
    assert.deepEqual(
      bag.log.filter((line) => JSON.parse(line).level >= 50),
      [],
    )
  } finally {
    await bag.stop()
  }
}

test('movies that were added in such a database before are folded again', async () => {
  const url = await createEmptyDatabase("encoding 'UTF8' locale 'C' template template0")
  const client = new pg.Client(url)
  await client.connect()
  const directory = join(import.meta.dirname, '../../migrations')
  await client.query(
    'create table migrations (name text primary key, sha256 text not null, ran_at timestamptz default now())',
  )
  for (const name of readdirSync(directory)
    .filter((file) => file < '0015')
    .sort()) {
    const text = readFileSync(join(directory, name), 'utf8')
    await client.query(text)
    const sha256 = createHash('sha256').update(text).digest('hex')
    await client.query('insert into migrations (name, sha256) values ($1, $2)', [name, sha256])
  }
  await client.query(`
    insert into accounts (email, email_canonical) values ('ada@example.org', 'ada@example.org');
    insert into movies (name, casts, genres, added_by) select 'СТАЛКЕР', '{}', '{}', id from accounts`)
  await migrateAt(url)
  const found = await client.query("select id from movies where search_lines like '%сталкер%'")
  await client.end()
  assert.equal(found.rows.length, 1)
})
