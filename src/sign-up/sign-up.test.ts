import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const ada = await signUp(bag, 'ada')

test('signing up returns the id of an account that can log in', async () => {
  const grace = { email: 'grace@example.org', password: 'the long password of grace' }
  const { status, body } = await bag.request('POST', '/api/auth/signup', grace)
  assert.equal(status, 200)
  assert.deepEqual(Object.keys(body), ['id'])
  assert.match(body.id, /^[0-9a-f-]{36}$/)
  await logIn(bag, grace)
})

test('no two accounts have email addresses that differ only in case', async () => {
  for (const email of ['ada@example.org', 'ADA@example.org', 'Ada@Example.Org']) {
    const answer = await bag.request('POST', '/api/auth/signup', { email, password: 'another long password' })
    assertError(answer, 'EmailAlreadyExistsError')
  }
  await logIn(bag, ada)
})

test('only one of ten concurrent sign-ups with one email address succeeds', async () => {
  const email = 'race@example.org'
  const attempts = Array.from({ length: 10 }, async (_, index) => {
    const password = `the long password ${index}`
    return { password, answer: await bag.request('POST', '/api/auth/signup', { email, password }) }
  })
  const done = await Promise.all(attempts)
  const [winner, ...others] = done.filter(({ answer }) => answer.status === 200)
  assert(winner && others.length === 0)
  for (const { answer } of done.filter((attempt) => attempt !== winner)) assertError(answer, 'EmailAlreadyExistsError')
  await logIn(bag, { email, password: winner.password })
})

test('a sign-up cannot take over an account by sending its id', async () => {
  for (const id of ['id', '_id']) {
    const eve = { [id]: ada.id, email: 'eve@example.org', password: 'the long password of eve' }
    assertError(await bag.request('POST', '/api/auth/signup', eve), 'SchemaValidationError', [id])
  }
  await logIn(bag, ada)
})

test('a sign-up that fails halfway leaves no account behind', async () => {
  await bag.db.query(sql`
    create function fail() returns trigger language plpgsql as 'begin raise exception ''halfway''; end'`)
  await bag.db.query(sql`create trigger fail after insert on outbox for each row execute function fail()`)
  const alan = { email: 'alan@example.org', password: 'the long password of alan' }
  assertError(await bag.request('POST', '/api/auth/signup', alan), 'InternalServerError')
  await bag.db.query(sql`drop function fail cascade`)
  assert.equal((await bag.request('POST', '/api/auth/signup', alan)).status, 200)
})
