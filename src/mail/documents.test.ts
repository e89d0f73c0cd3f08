import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createDatabase } from '../../test/database.ts'
import { document, rowsUnder, tokensOf } from '../../test/documents.ts'
import { readConfig, settingNames } from '../config/config.ts'
import { openDatabase, raw, sql } from '../database/database.ts'
import { mailTemplates, sampleValues } from './check-templates.ts'

const mail = document('docs/mail.md')
const db = openDatabase(await createDatabase(), { connections: 1, onError: () => {} })
const folder = mkdtempSync(join(tmpdir(), 'movie-bag-recipes-'))
after(async () => {
  await db.close()
  rmSync(folder, { recursive: true, force: true })
})

test('the settings of every recipe are valid in production', () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  writeFileSync(join(folder, 'dkim.pem'), privateKey)
  const recipes = blocks('ini recipe')
  assert.equal(recipes.length, 7)
  for (const recipe of recipes) {
    const file = join(folder, '.env')
    writeFileSync(file, recipe.replace('=dkim.pem', `=${join(folder, 'dkim.pem')}`))
    const config = readConfig({
      ENV_FILE_LOCATION: file,
      NODE_ENV: 'production',
      DATABASE_URL: 'embedded',
      PUBLIC_URL: 'https://movies.example.org',
      JWT_SECRET_KEY: 'a secret that only this test knows',
    })
    assert.ok(config.mail.server, recipe)
  }
})

test('the documented mail settings are the ones that exist', () => {
  const named = rowsUnder(mail, 'Settings').map(([name]) => name)
  assert.deepEqual(
    named.toSorted(),
    settingNames()
      .filter((name) => name.startsWith('MAIL_'))
      .toSorted(),
  )
})

test('every mail is listed with the values of its templates', async () => {
  const rows = rowsUnder(mail, 'Templates').map(([kind, , values]) => [kind, values])
  const known = mailTemplates.map(async (kind) => [
    kind,
    Object.keys(await sampleValues(kind, 'en'))
      .toSorted()
      .join(', '),
  ])
  assert.deepEqual(rows.toSorted(), (await Promise.all(known)).toSorted())
})

test('the documented states of a mail are those of the database', async () => {
  const [check] = await db.query<{ text: string }>(sql`
    select pg_get_constraintdef(oid) as text from pg_constraint where conname = 'outbox_state_check'`)
  const states = [...(check?.text ?? '').matchAll(/'([a-z ]+)'::text/g)].map(([, state]) => state)
  assert.deepEqual(
    rowsUnder(mail, 'States of a mail').map(([state]) => state),
    states,
  )
})

test('the documented statements that find a mail are valid', async () => {
  const statements = blocks('sql').flatMap((block) => block.split(';').filter((statement) => statement.trim()))
  assert.equal(statements.length, 4)
  for (const text of statements) await db.query(raw(text))
})

function blocks(info: string): string[] {
  return tokensOf(mail, 'code').flatMap((token) => ('lang' in token && token.lang === info ? [String(token.text)] : []))
}
