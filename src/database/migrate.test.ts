import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { pino } from 'pino'
import { createEmptyDatabase } from '../../test/database.ts'
import { migrate } from './migrate.ts'

const directory = join(import.meta.dirname, '../../migrations')
/** The last migration of release 0.1.0. */
const released = '0008'

test('a database of release 0.1.0 with rows in every table keeps what they mean', async (t) => {
  const url = await createEmptyDatabase()
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  await migrateToRelease(client)
  const { ada, grace, mail } = await fill(client)
  await migrate(url, { log: pino({ level: 'silent' }), signal: AbortSignal.timeout(30_000) })

  const rows = async (text: string) => (await client.query(text)).rows
  assert.deepEqual(
    await rows(`select encode(token_hash, 'escape') as token, purpose, account_id, email_canonical, mail_id, params, ended_as
      from links order by token`),
    [
      link('confirm', 'confirm-email', { account_id: grace, params: { email: 'grace@new.example' } }),
      link('report', 'report-change', { params: { email: 'ada@example.org' }, ended_as: 'revoked' }),
      link('request', 'report-request', {}),
      link('reset', 'reset-password', { email_canonical: 'ada@example.org', mail_id: mail }),
      link('reset-cancelled', 'reset-password', { mail_id: mail, ended_as: 'revoked' }),
      link('reset-replaced', 'reset-password', { mail_id: mail, ended_as: 'replaced' }),
      link('reset-used', 'reset-password', { mail_id: mail, ended_as: 'spent' }),
      link('undo', 'undo-email-change', { params: { change: 'a change' }, ended_as: 'spent' }),
      link('verify', 'verify-email', { email_canonical: 'ada@example.org' }),
      // It verifies an address that the account has left, so it must match no account.
      link('verify-left', 'verify-email', { email_canonical: '' }),
    ],
  )
  assert.deepEqual(await rows('select event from audit_history order by id'), [
    { event: 'signed up' },
    { event: 'reset requested' },
    { event: 'password reset' },
    { event: 'reset reported' },
    { event: 'email verified' },
    { event: 'email change requested' },
    { event: 'email changed' },
    { event: 'email change undone' },
    { event: 'deletion requested' },
  ])
  assert.deepEqual(
    await rows('select kind, email, state, in_grace_period from outbox where email is not null order by kind'),
    [
      { kind: 'held', email: 'ada@example.org', state: 'suppressed', in_grace_period: false },
      { kind: 'waiting', email: 'ada@example.org', state: 'deferred', in_grace_period: true },
    ],
  )
  assert.deepEqual(
    await rows("select kind, params from outbox where kind not in ('held', 'waiting') order by support_code"),
    [
      { kind: 'account-deleted', params: { until: null, isVerified: true } },
      { kind: 'account-deleted', params: { until: '2026-01-01T00:00:00.000Z', isVerified: false } },
      { kind: 'new-device', params: { device: { browser: 'Safari', system: 'iOS' } } },
      { kind: 'password-changed', params: { device: {} } },
      { kind: 'address-changed', params: { change: 'a change', device: { browser: 'Chrome' } } },
    ],
  )
  assert.deepEqual(await rows('select ip_address, device from sessions order by ip_address'), [
    { ip_address: '192.0.2.1', device: { browser: 'Firefox', system: 'Windows' } },
    { ip_address: '192.0.2.2', device: { system: 'Chrome OS' } },
    { ip_address: '192.0.2.3', device: {} },
  ])
  assert.deepEqual(await rows('select old_email from email_changes'), [{ old_email: 'ada@old.example' }])
  assert.deepEqual(await rows('select problem from mail_server_state'), [{ problem: 'Check MAIL_SERVER.' }])
  for (const table of ['accounts', 'movies', 'known_browsers', 'deleted_movies', 'rate_limits']) {
    assert.notEqual((await rows(`select 1 from ${table}`)).length, 0, table)
  }

  function link(token: string, purpose: string, more: object) {
    return {
      token,
      purpose,
      account_id: ada,
      email_canonical: null,
      mail_id: null,
      params: {},
      ended_as: null,
      ...more,
    }
  }
})

async function migrateToRelease(client: pg.Client): Promise<void> {
  await client.query(`create table migrations (
    name text primary key, sha256 text not null, ran_at timestamptz not null default now())`)
  const names = readdirSync(directory).filter((name) => name.endsWith('.sql') && name.slice(0, 4) <= released)
  for (const name of names.sort()) {
    const text = readFileSync(join(directory, name), 'utf8').replaceAll('\r\n', '\n')
    await client.query(text)
    const sha256 = createHash('sha256').update(text).digest('hex')
    await client.query('insert into migrations (name, sha256) values ($1, $2)', [name, sha256])
  }
}

/** Adds rows to every table as release 0.1.0 has left them. */
async function fill(client: pg.Client) {
  const [ada, grace, mail] = [randomUUID(), randomUUID(), randomUUID()]
  await client.query(`
    insert into accounts (id, email, email_canonical, password_hash) values
      ('${ada}', 'Ada@example.org', 'ada@example.org', 'hash'), ('${grace}', 'grace@example.org', 'grace@example.org', 'hash');
    insert into sessions (account_id, expires_at, device, address) values
      ('${ada}', now() + interval '7 days', 'Firefox on Windows', '192.0.2.1'),
      ('${ada}', now() + interval '7 days', 'Chrome OS', '192.0.2.2'),
      ('${ada}', now() + interval '7 days', '', '192.0.2.3');
    insert into movies (name, casts, genres, added_by) values ('Metropolis', '{Brigitte Helm}', '{Drama}', '${ada}');
    insert into outbox (kind, account_id, address, locale, support_code, state, closed_at, is_doubted) values
      ('held', '${ada}', 'ada@example.org', 'en', 'AAAAAA', 'held', now(), false),
      ('waiting', null, 'ada@example.org', 'en', 'BBBBBB', 'deferred', null, true);
    insert into outbox (kind, account_id, locale, support_code, params) values
      ('account-deleted', null, 'en', 'CCCCC1', '{}'),
      ('account-deleted', null, 'en', 'CCCCC2', '{"until": "2026-01-01T00:00:00.000Z", "unverified": "yes"}'),
      ('new-device', '${ada}', 'en', 'CCCCC3', '{"device": "Safari on iOS"}'),
      ('password-changed', '${ada}', 'en', 'CCCCC4', '{"device": ""}'),
      ('address-changed', '${ada}', 'en', 'CCCCC5', '{"change": "a change", "device": "Chrome"}');
    insert into reset_links (token_hash, account_id, mail_id, expires_at, ended_at, ended_as, email_canonical) values
      ('reset', '${ada}', '${mail}', now() + interval '1 day', null, null, 'ada@example.org'),
      ('reset-used', '${ada}', '${mail}', now(), now(), 'used', null),
      ('reset-replaced', '${ada}', '${mail}', now(), now(), 'replaced', null),
      ('reset-cancelled', '${ada}', '${mail}', now(), now(), 'cancelled', null);
    insert into action_links (token_hash, purpose, account_id, params, expires_at, ended_at, ended_as) values
      ('verify', 'verify-address', '${ada}', '{"email": "Ada@example.org"}', now(), null, null),
      ('verify-left', 'verify-address', '${ada}', '{"email": "ada@old.example"}', now(), null, null),
      ('confirm', 'confirm-address', '${grace}', '{"email": "grace@new.example"}', now(), null, null),
      ('undo', 'undo-address', '${ada}', '{"change": "a change"}', now(), now(), 'used'),
      ('request', 'not-me-request', '${ada}', '{}', now(), null, null),
      ('report', 'not-me-change', '${ada}', '{"email": "ada@example.org"}', now(), now(), 'cancelled');
    update mail_server_state set trouble = 'Check MAIL_SERVER.';
    insert into rate_limits (key, points, expires_at) values ('forgot-password:192.0.2.1', 3, now() + interval '1 hour');
    insert into address_changes (account_id, old_email, old_email_canonical, undo_until) values
      ('${ada}', 'ada@old.example', 'ada@old.example', now() + interval '7 days');
    insert into known_browsers (account_id, token_hash) values ('${ada}', 'browser');
    insert into unknown_address_mails (email_canonical) values ('nobody@example.org');
    insert into account_history (account_id, event) values
      ('${ada}', 'signed up'), ('${ada}', 'reset asked'), ('${ada}', 'reset finished'), ('${ada}', 'reset cancelled'),
      ('${ada}', 'address verified'), ('${ada}', 'address change asked'), ('${ada}', 'address changed'),
      ('${ada}', 'address change undone'), ('${ada}', 'deletion asked');
    insert into deleted_movies (id, name, casts, genres, added_by, created_at) values
      (1000, 'Nosferatu', '{Max Schreck}', '{Horror}', '${ada}', now())`)
  return { ada, grace, mail }
}
