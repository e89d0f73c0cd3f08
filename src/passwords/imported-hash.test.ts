import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { hash as bcrypt } from '@node-rs/bcrypt'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('an imported bcrypt hash is accepted and replaced by argon2id at the first login', async () => {
  const ada = await signUp(bag, 'ada')
  await importHash(ada)
  assertError(
    await bag.request('POST', '/api/auth/login', { ...ada, password: 'not the password' }),
    'UnauthorizedError',
  )
  assert.match(await hashOf(ada), /^\$2/)
  await logIn(bag, ada)
  assert.match(await hashOf(ada), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  await logIn(bag, ada)
})

test('concurrent logins to an imported account all succeed', async () => {
  const grace = await signUp(bag, 'grace')
  await importHash(grace)
  const sessions = await Promise.all(Array.from({ length: 6 }, () => logIn(bag, grace)))
  const answers = sessions.map((session) => bag.request('GET', '/api/auth/account', undefined, session))
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    Array(6).fill(200),
  )
})

test('a password longer than bcrypt can hash does not match', async () => {
  const alan = await signUp(bag, 'alan')
  await importHash(alan)
  for (const length of [100, 256, 10_000]) {
    const typed = { email: alan.email, password: alan.password.padEnd(length, 'x') }
    assertError(await bag.request('POST', '/api/auth/login', typed), 'UnauthorizedError')
  }
})

test('a password of which bcrypt saw only a part keeps its hash, because the rest may be a typo', async () => {
  const edsger = await signUp(bag, 'edsger', 'é'.repeat(40))
  await importHash(edsger)
  await logIn(bag, { ...edsger, password: `${'é'.repeat(39)}typo` })
  assert.match(await hashOf(edsger), /^\$2/)
  await logIn(bag, edsger)
})

type Known = { id: string; email: string; password: string }

/** As an operator brings an account from elsewhere. */
async function importHash({ id, password }: Known): Promise<void> {
  await bag.db.query(sql`update accounts set password_hash = ${await bcrypt(password, { cost: 6 })} where id = ${id}`)
}

async function hashOf({ id }: Known): Promise<string> {
  const [account] = await bag.db.query<{ hash: string }>(sql`
    select password_hash as hash from accounts where id = ${id}`)
  return account?.hash ?? ''
}
