import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const ada = await signUp(bag, 'ada')

test('a login ignores unknown fields', async () => {
  const more = { id: 'x', added_by: 1, remember: true, token: { a: [1] } }
  const { email, password } = ada
  const { status, body } = await bag.request('POST', '/api/auth/login', { ...more, email, password })
  assert.equal(status, 200)
  assert.deepEqual(Object.keys(body), ['token'])
})

test('log-in does not reveal who has an account', async () => {
  const [known, unknown] = [await tryLogIn(ada.email), await tryLogIn('bob@example.org')]
  assertError(known, 'UnauthorizedError')
  assert.equal(known.text, unknown.text)
  assert.deepEqual([...known.headers.keys()], [...unknown.headers.keys()])
})

test('logging out ends only that session', async () => {
  const [phone, laptop] = [await logIn(bag, ada), await logIn(bag, ada)]
  const out = await bag.request('DELETE', '/api/auth/session', undefined, phone)
  assert.equal(out.status, 204)
  assert.equal(out.text, '')
  assertError(await bag.request('DELETE', '/api/auth/session', undefined, phone), 'InvalidSessionError')
  const movie = { name: 'Metropolis', casts: ['Brigitte Helm'], genres: ['Drama'] }
  assertError(await bag.request('POST', '/api/movies', movie, phone), 'InvalidSessionError')
  assert.equal((await bag.request('POST', '/api/movies', movie, laptop)).status, 200)
})

function tryLogIn(email: string) {
  return bag.request('POST', '/api/auth/login', { email, password: 'a wrong password' })
}
