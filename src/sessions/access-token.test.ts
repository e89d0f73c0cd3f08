import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, test } from 'node:test'
import { exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { assertError } from '../../test/contract.ts'
import { logIn, secret, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { sql } from '../database/database.ts'

const bag = await startMovieBag()
after(() => bag.stop())
const ada = await signUp(bag, 'ada')
const key = Buffer.from(secret)
const header = { alg: 'HS256', typ: 'at+jwt' }

/** The claims of a token that Ada has just been given. */
async function adasClaims(): Promise<JWTPayload> {
  const { authorization = '' } = await logIn(bag, ada)
  return JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

function sign(claims: JWTPayload, more: { header?: object; key?: Parameters<SignJWT['sign']>[0] } = {}) {
  return new SignJWT(claims).setProtectedHeader({ ...header, ...more.header }).sign(more.key ?? key)
}

/** Who is let in gets as far as the empty body. */
function attempt(authorization?: string) {
  return bag.request('POST', '/api/movies', {}, authorization === undefined ? {} : { authorization })
}

test('a token with the right claims and key is accepted, so those below fail for one reason each', async () => {
  const token = await sign(await adasClaims())
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    assertError(await attempt(`${scheme} ${token}`), 'SchemaValidationError')
  }
})

test('a missing or malformed token is InvalidSessionError', async () => {
  const token = await sign(await adasClaims())
  assertError(await attempt(), 'InvalidSessionError')
  const malformed = [
    '',
    'Bearer',
    'Bearer ',
    'Bearer x',
    'Bearer a.b.c',
    'Bearer null',
    'Bearer [object Object]',
    token,
  ]
  const nearly = [`Basic ${token}`, `Bearer ${token}.`, `Bearer ${token} x`, `Bearer ${token}, Bearer ${token}`]
  const cut = [`Bearer ${token.slice(0, -1)}`, `Bearer ${token.slice(1)}`, `Bearer ${'a'.repeat(10_000)}.b.c`]
  for (const value of [...malformed, ...nearly, ...cut]) assertError(await attempt(value), 'InvalidSessionError')
})

test('an algorithm chosen by the caller is InvalidSessionError', async () => {
  const claims = await adasClaims()
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = await exportJWK(publicKey)
  const [top, payload] = new UnsecuredJWT(claims).encode().split('.')
  const tokens = [
    `${top}.${payload}.`,
    `${Buffer.from('{"alg":"NONE","typ":"at+jwt"}').toString('base64url')}.${payload}.AAAA`,
    await sign(claims, { header: { alg: 'HS512' } }),
    await sign(claims, { header: { alg: 'HS384' } }),
    await sign(claims, { header: { alg: 'RS256' }, key: privateKey }),
    await sign(claims, { header: { alg: 'RS256', jwk }, key: privateKey }),
  ]
  for (const token of tokens) assertError(await attempt(`Bearer ${token}`), 'InvalidSessionError')
})

test('a key that the token brings or names is not used', async () => {
  const claims = await adasClaims()
  const own = Buffer.from('the key of Eve, which she signs with herself')
  const k = own.toString('base64url')
  const headers = [{ jwk: { kty: 'oct', k } }, { kid: '../../dev/null' }, { jku: `${bag.url}/jwks` }, { x5u: bag.url }]
  for (const brought of [{}, ...headers]) {
    const token = await sign(claims, { header: brought, key: own })
    assertError(await attempt(`Bearer ${token}`), 'InvalidSessionError')
  }
  assertError(
    await attempt(`Bearer ${await sign(claims, { key: Buffer.from('t1NP63m4wnBg6nyHYKfmc2TpCOGI4nss') })}`),
    'InvalidSessionError',
  )
})

test('each missing or wrong claim is InvalidSessionError', async () => {
  const claims = await adasClaims()
  assert.deepEqual(Object.keys(claims).sort(), ['aud', 'exp', 'iat', 'iss', 'sid', 'sub'])
  for (const name of Object.keys(claims)) {
    const { [name]: _, ...others } = claims
    assertError(await attempt(`Bearer ${await sign(others)}`), 'InvalidSessionError')
  }
  const past = Math.floor(Date.now() / 1000) - 1
  const wrong: JWTPayload[] = [
    { exp: past },
    { nbf: past + 3600 },
    { aud: 'another-service' },
    { iss: 'another-service' },
    { sid: '00000000-0000-4000-8000-000000000000' },
    { sid: ada.id },
    { sid: "' or true --" },
    { sid: { $ne: null } },
    { sid: ['a'] },
  ]
  for (const claim of wrong)
    assertError(await attempt(`Bearer ${await sign({ ...claims, ...claim })}`), 'InvalidSessionError')
})

test('a token of another kind is InvalidSessionError', async () => {
  const claims = await adasClaims()
  for (const typ of ['JWT', 'reset+jwt', '']) {
    assertError(await attempt(`Bearer ${await sign(claims, { header: { typ } })}`), 'InvalidSessionError')
  }
})

test('a session that ended or expired is refused, although its token is still valid', async () => {
  const [ended, lapsed] = [await logIn(bag, ada), await logIn(bag, ada)]
  assert.equal((await bag.request('DELETE', '/api/auth/session', undefined, ended)).status, 204)
  const { sid } = JSON.parse(Buffer.from(lapsed['authorization']?.split('.')[1] ?? '', 'base64url').toString('utf8'))
  await bag.db.query(sql`update sessions set expires_at = now() - interval '1 second' where id = ${sid}`)
  for (const session of [ended, lapsed]) assertError(await attempt(session['authorization']), 'InvalidSessionError')
})

test('a token lives 7 days', async () => {
  const { exp = 0, iat = 0 } = await adasClaims()
  assert(Math.abs(exp - iat - 7 * 86_400) <= 1)
  assert(Math.abs(iat - Date.now() / 1000) < 60)
})

test('after a change of the key, tokens of the old one are accepted but no longer signed', async (t) => {
  const keys = { JWT_SECRET_KEY: 'the new key, longer than 32 bytes', JWT_SECRET_KEY_OLD: secret }
  const renewed = await startMovieBag({ DATABASE_URL: bag.databaseUrl, ...keys })
  t.after(() => renewed.stop())
  const before = await logIn(bag, ada)
  const after = await logIn(renewed, ada)
  const account = (session: Record<string, string>, { request } = renewed) => {
    return request('GET', '/api/auth/account', undefined, session)
  }
  assert.equal((await account(before)).status, 200)
  assert.equal((await account(after)).status, 200)
  assertError(await account(after, bag), 'InvalidSessionError')
  const foreign = await sign(await adasClaims(), { key: Buffer.from('a key that this service never had') })
  assertError(await account({ authorization: `Bearer ${foreign}` }), 'InvalidSessionError')
  assert.equal((await bag.request('DELETE', '/api/auth/session', undefined, before)).status, 204)
  assertError(await account(before), 'InvalidSessionError')
})
