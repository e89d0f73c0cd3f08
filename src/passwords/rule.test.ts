import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'

const bag = await startMovieBag()
after(() => bag.stop())
let people = 0

/** A new account with that password. */
function somebody(password: string) {
  people += 1
  return signUp(bag, `somebody-${people}`, password)
}

async function refusal(password: unknown, email = 'eve@example.org'): Promise<string> {
  const answer = await bag.request('POST', '/api/auth/signup', { email, password })
  assertError(answer, 'SchemaValidationError', ['password'])
  return answer.body.errors[0].detail
}

test('a refused password has a machine-readable reason with its bound', async () => {
  const answer = await bag.request('POST', '/api/auth/signup', { email: 'eve@example.org', password: 'short' })
  const [{ reason, min, max }] = answer.body.errors
  assert.deepEqual({ reason, min, max }, { reason: 'too-short', min: 8, max: undefined })
})

async function cannotLogIn(email: string, password: string) {
  await passTime(bag, '10 minutes')
  assertError(await bag.request('POST', '/api/auth/login', { email, password }), 'UnauthorizedError')
}

test('a password has 8 to 256 characters of any script', async () => {
  for (const password of ['', 'a', 'seven 7', '😀'.repeat(7), 'é'.repeat(7)]) {
    assert.equal(await refusal(password), 'must have at least 8 characters')
  }
  for (const password of ['x'.repeat(257), '😀'.repeat(257), 'x'.repeat(90_000)]) {
    assert.equal(await refusal(password), 'must have at most 256 characters')
  }
  for (const password of ['eight ch', '😀'.repeat(8), 'x'.repeat(256), '👩‍🚀'.repeat(80), 'пароль на память']) {
    await logIn(bag, await somebody(password))
  }
})

test('a password that is not a string, or has a NUL or an incomplete character, is refused', async () => {
  for (const password of [12345678, null, true, ['a long password'], { $ne: null }, {}]) await refusal(password)
  for (const password of ['a long\0 password', '\0'.repeat(9), 'half a \ud83d character', '\udc00'.repeat(9)]) {
    assert.match(await refusal(password), /NUL or an incomplete character/)
  }
})

test('no byte of a password is cut off, not even the 73rd', async () => {
  for (const length of [72, 255]) {
    const { email } = await somebody(`${'x'.repeat(length)}a`)
    await cannotLogIn(email, `${'x'.repeat(length)}b`)
    await cannotLogIn(email, 'x'.repeat(length))
  }
})

test('a password is neither trimmed nor case-folded', async () => {
  const { email, password } = await somebody(' Große  Bäume ')
  for (const other of [password.trim(), password.toLowerCase(), 'Große Bäume', ' Grosse  Bäume ', ' Große  Baume ']) {
    await cannotLogIn(email, other)
  }
  await cannotLogIn(email, ' Ｇroße  Bäume ')
  await passTime(bag, '10 minutes')
  await logIn(bag, { email, password })
})

test('composed and decomposed letters are the same, and count as one', async () => {
  const composed = 'é'.repeat(200)
  const decomposed = composed.normalize('NFD')
  assert.notEqual(composed, decomposed)
  const { email } = await somebody(composed)
  await logIn(bag, { email, password: decomposed })
  await logIn(bag, await somebody(decomposed))
  assert.equal(await refusal('é'.repeat(4).normalize('NFD')), 'must have at least 8 characters')
})

test('common passwords are refused with the reason, in any case', async () => {
  // The last of the list, and a long one.
  const rare = ['dimazarya', '123456789987654321']
  for (const password of ['password', 'PassWord1', '12345678', 'qwertyuiop', 'iloveyou', 'trustno1', ...rare]) {
    assert.match(await refusal(password), /^is too common/)
  }
})

test('the email address and the name of the service are refused as passwords', async () => {
  for (const password of ['eve@example.org', 'EVE@Example.org', 'eve123456', '20-Eve-26!', 'eve@example.org1']) {
    assert.equal(await refusal(password), 'must not be the email address')
  }
  for (const password of ['ada.lovelace@example.org', 'Ada-Lovelace-1815']) {
    const capitals = { email: 'Ada.Lovelace@Example.org', password }
    const answer = await bag.request('POST', '/api/auth/signup', capitals)
    assert.equal(answer.body.errors[0].detail, 'must not be the email address')
  }
  for (const password of ['movie-bag', 'MovieBag', 'Movie Bag 2026', 'movie_bag!', 'localhost', 'LocalHost:3000']) {
    assert.equal(await refusal(password), 'must not be the name of this service or a word that goes with it')
  }
})

test('an impossible password is a wrong one at login, for known and unknown accounts alike', async () => {
  const { email } = await somebody('the password of somebody')
  for (const password of ['', 'x'.repeat(90_000), 'a\0b', '\ud83d']) {
    await cannotLogIn(email, password)
    await cannotLogIn('nobody@example.org', password)
  }
})

test('the rule applies to a reset and gives the reason', async () => {
  const { email } = await somebody('the password of somebody')
  await bag.request('POST', '/api/auth/forgot', { email })
  const reset_token = await bag.smtp.tokenFor(email)
  for (const password of ['short', 'password1', email, 'movie-bag', 'a\0bcdefgh', 'x'.repeat(257)]) {
    const answer = await bag.request('POST', '/api/auth/reset', { reset_token, password })
    assertError(answer, 'SchemaValidationError', ['password'])
  }
  assert.equal((await bag.request('POST', '/api/auth/reset', { reset_token, password: 'é'.repeat(80) })).status, 200)
  await logIn(bag, { email, password: 'é'.repeat(80) })
})

test('the operator can raise the minimum length', async (t) => {
  const strict = await startMovieBag({ MIN_PASSWORD_LENGTH: '15' })
  t.after(() => strict.stop())
  const answer = await strict.request('POST', '/api/auth/signup', {
    email: 'ada@example.org',
    password: 'fourteen chars',
  })
  assertError(answer, 'SchemaValidationError', ['password'])
  await signUp(strict, 'ada', 'fifteen chars !')
})
