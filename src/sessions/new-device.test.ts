import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { mailedToken, subjectsTo } from '../../test/mail-links.ts'
import { signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'

const bag = await startMovieBag()
after(() => bag.stop())

const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
const safari =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

test('a login from a new device is mailed, except for the first login and known devices', async () => {
  const alan = await signUp(bag, 'alan')
  await logInFrom(firefox, alan)
  await logInFrom(firefox, alan)
  assert.deepEqual(await subjectsTo(bag, alan.email), ['Confirm your email address'])
  await logInFrom(safari, alan)
  await logInFrom(safari, alan)
  assert.deepEqual(await subjectsTo(bag, alan.email), ['Confirm your email address', 'New login'])
  const [mail] = bag.smtp.mails.filter(({ recipients }) => recipients.includes(alan.email))
  assert.match(mail?.text ?? '', /Safari on iOS/)
})

test('"this wasn’t me" in the mail about a new device ends its session', async () => {
  const barbara = await signUp(bag, 'barbara')
  await logInFrom(firefox, barbara)
  const eve = await logInFrom(safari, barbara)
  const token = await mailedToken(bag, 'not-me', barbara.email)
  assert.equal((await bag.request('POST', '/api/auth/not-me', { token })).status, 200)
  const headers = { authorization: `Bearer ${eve.body.token}` }
  assertError(await bag.request('GET', '/api/auth/account', undefined, headers), 'InvalidSessionError')
  assertError(await logInFrom(safari, barbara), 'UnauthorizedError')
})

const ways: Record<string, (thief: Thief) => Promise<unknown>> = {
  'the owner ended': async ({ session, owner }) => {
    const [{ id }] = (await bag.request('GET', '/api/auth/sessions', undefined, session)).body
    await bag.request('DELETE', `/api/auth/sessions/${id}`, undefined, await atHome(owner))
  },
  'the owner ended with all others': async ({ owner }) =>
    bag.request('DELETE', '/api/auth/sessions', undefined, await atHome(owner)),
  'a new password ended': async ({ owner }) => {
    const body = { current_password: owner.password, new_password: 'a password that eve learns' }
    await bag.request('PUT', '/api/auth/password', body, await atHome(owner))
    owner.password = body.new_password
  },
  'a reset ended': ({ owner }) => resetPassword(owner),
  'the thief logged out before a reset': async ({ session, owner }) => {
    await bag.request('DELETE', '/api/auth/session', undefined, session)
    await resetPassword(owner)
  },
  'a freeze ended': async ({ owner }) => {
    const token = await mailedToken(bag, 'not-me', owner.email)
    assert.equal((await bag.request('POST', '/api/auth/not-me', { token })).status, 200)
    await setPassword(owner)
  },
}

for (const [index, [way, end]] of Object.entries(ways).entries()) {
  test(`a login from the device of a session that ${way} is mailed again`, async () => {
    const thief = await rob(`thrown-out-${index}`)
    await end(thief)
    assertError(await bag.request('GET', '/api/auth/account', undefined, thief.session), 'InvalidSessionError')
    assert.equal((await logInFrom(safari, thief.owner, thief.browser)).status, 200)
    assert.equal(await newLogins(thief.owner), 2)
  })
}

test('a login from the device of a session that was logged out or expired is not mailed again', async () => {
  const { owner, session } = await rob('left')
  await bag.request('DELETE', '/api/auth/session', undefined, session)
  await logInFrom(safari, owner)
  await passTime(bag, '7 days', owner)
  await logInFrom(safari, owner)
  assert.equal(await newLogins(owner), 1)
})

test('a browser stays known while another of its sessions is live', async () => {
  const { owner, session, browser } = await rob('twice')
  const again = await logInFrom(safari, owner, { ...browser, 'user-agent': firefox })
  const ids = (await bag.request('GET', '/api/auth/sessions', undefined, session)).body
  const first = ids.find(({ is_current }: { is_current: boolean }) => is_current)
  await bag.request('DELETE', `/api/auth/sessions/${first.id}`, undefined, {
    authorization: `Bearer ${again.body.token}`,
  })
  await logInFrom(safari, owner, browser)
  assert.equal(await newLogins(owner), 1)
})

type Known = { email: string; password: string }
type Thief = { owner: Known & { id: string }; session: Record<string, string>; browser: Record<string, string> }

/** Signs an owner up, and lets a thief log in with the password, from a browser that keeps its cookie. */
async function rob(name: string): Promise<Thief> {
  const owner = await signUp(bag, name)
  await logInFrom(firefox, owner)
  const { body, headers } = await logInFrom(safari, owner, { 'sec-fetch-site': 'same-origin' })
  assert.equal(await newLogins(owner), 1)
  const cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
  const browser = { cookie, 'sec-fetch-site': 'same-origin' }
  return { owner, session: { authorization: `Bearer ${body.token}` }, browser }
}

/** Logs the owner in from a device that is known. */
async function atHome(owner: Known): Promise<Record<string, string>> {
  const { body } = await logInFrom(firefox, owner)
  return { authorization: `Bearer ${body.token}` }
}

async function resetPassword(owner: Known): Promise<void> {
  await bag.request('POST', '/api/auth/forgot', { email: owner.email })
  await setPassword(owner)
}

/** Sets a password with the newest reset link. The thief learns it, too. */
async function setPassword(owner: Known): Promise<void> {
  const reset = { reset_token: await mailedToken(bag, 'reset', owner.email), password: 'a password that eve learns' }
  assert.equal((await bag.request('POST', '/api/auth/reset', reset)).status, 200)
  owner.password = reset.password
}

async function newLogins({ email }: Known): Promise<number> {
  return (await subjectsTo(bag, email)).filter((subject) => subject === 'New login').length
}

function logInFrom(userAgent: string, { email, password }: Known, headers: Record<string, string> = {}) {
  return bag.request('POST', '/api/auth/login', { email, password }, { 'user-agent': userAgent, ...headers })
}
