import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const ada = await signUp(bag, 'ada')

test('who signs up has an account with an id, and is in with the same address and password', async () => {
  const { status, body } = await bag.request('POST', '/api/auth/signup', {
    email: 'grace@example.org',
    password: 'the long password of grace',
  })
  assert.equal(status, 200)
  assert.deepEqual(Object.keys(body), ['id'])
  assert.match(body.id, /^[0-9a-f-]{36}$/)
  await logIn(bag, { email: 'grace@example.org', password: 'the long password of grace' })
})

test('an address that is taken is EmailAlreadyExistsError, in any case', async () => {
  for (const email of ['ada@example.org', 'ADA@example.org', 'Ada@Example.Org']) {
    const answer = await bag.request('POST', '/api/auth/signup', { email, password: 'another long password' })
    assertError(answer, 'EmailAlreadyExistsError')
  }
  await logIn(bag, ada)
})

test('of ten who sign up with one address at once one succeeds, and its password is the one that works', async () => {
  const email = 'race@example.org'
  const tries = Array.from({ length: 10 }, async (_, index) => {
    const password = `the long password ${index}`
    return { password, answer: await bag.request('POST', '/api/auth/signup', { email, password }) }
  })
  const done = await Promise.all(tries)
  const [winner, ...others] = done.filter(({ answer }) => answer.status === 200)
  assert(winner && others.length === 0)
  for (const { answer } of done.filter((one) => one !== winner)) assertError(answer, 'EmailAlreadyExistsError')
  await logIn(bag, { email, password: winner.password })
})

test('a login ignores fields that it does not know', async () => {
  const more = { id: 'x', added_by: 1, remember: true, token: { a: [1] } }
  const { email, password } = ada
  const { status, body } = await bag.request('POST', '/api/auth/login', { ...more, email, password })
  assert.equal(status, 200)
  assert.deepEqual(Object.keys(body), ['token'])
})

test('an unknown address and a wrong password are answered alike, byte for byte', async () => {
  const wrong = await bag.request('POST', '/api/auth/login', { email: ada.email, password: 'not her password' })
  const unknown = await bag.request('POST', '/api/auth/login', {
    email: 'bob@example.org',
    password: 'not her password',
  })
  assertError(wrong, 'UnauthorizedError')
  assert.equal(wrong.text, unknown.text)
  assert.deepEqual([...wrong.headers.keys()], [...unknown.headers.keys()])
})

test('logging out ends one session, and no other', async () => {
  const [phone, laptop] = [await logIn(bag, ada), await logIn(bag, ada)]
  const out = await bag.request('DELETE', '/api/auth/session', undefined, phone)
  assert.equal(out.status, 204)
  assert.equal(out.text, '')
  assertError(await bag.request('DELETE', '/api/auth/session', undefined, phone), 'InvalidSessionError')
  const movie = { name: 'Metropolis', casts: ['Brigitte Helm'], genres: ['Drama'] }
  assertError(await bag.request('POST', '/api/movies', movie, phone), 'InvalidSessionError')
  assert.equal((await bag.request('POST', '/api/movies', movie, laptop)).status, 200)
})
