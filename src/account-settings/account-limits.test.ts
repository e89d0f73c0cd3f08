import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertError } from '../../test/contract.ts'
import { setCounters } from '../../test/counters.ts'
import { allMailSettled, mailedToken } from '../../test/mail-links.ts'
import { logIn, passwordOf, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { passTime } from '../../test/time.ts'
import { type Sql, sql } from '../database/database.ts'
import { translate } from '../i18n/translate.ts'

const bag = await startMovieBag({ MAX_MOVIES: '12' })
after(() => bag.stop())

test('the movie quota holds per account, and deleting a movie makes room', async () => {
  const [ada, grace] = [await signedIn('ada'), await signedIn('grace')]
  const ids: string[] = []
  for (let number = 1; number <= 12; number += 1) ids.push((await add(ada, `Film ${number}`)).body.id)
  assertError(await add(ada, 'One too many'), 'TooManyMoviesError')
  const form = 'name=One+too+many&year=&casts=Somebody&genres=Drama&notes='
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html', cookie: cookieOf(ada) }
  const page = await bag.request('POST', '/movies/new', form, headers)
  assert.equal(page.status, 403)
  assert(page.text.includes(translate('en', 'page.error.too-many-movies')))
  assert.equal((await add(grace, 'A film of Grace')).status, 200)
  assert.equal((await bag.request('DELETE', `/api/movies/${ids[0]}`, undefined, ada.session)).status, 200)
  assert.equal((await add(ada, 'The last one')).status, 200)
  assertError(await add(ada, 'Too many again'), 'TooManyMoviesError')
})

test('an account keeps a hundred sessions: those that ended go first, and then those used least recently', async () => {
  const alan = await signedIn('alan')
  await bag.db.query(sql`
    insert into sessions (account_id, expires_at, last_used_at, ended_at)
    select ${alan.id}, now() + interval '1 day', now() - n * interval '1 minute', case when n <= 3 then now() end
    from generate_series(1, 103) as n`)
  const login = await logIn(bag, alan)
  const left = await count(sql`from sessions where account_id = ${alan.id}`)
  const ended = await count(sql`from sessions where account_id = ${alan.id} and ended_at is not null`)
  assert.deepEqual([left, ended], [100, 0])
  const { body } = await bag.request('GET', '/api/auth/sessions', undefined, login)
  assert.equal(body.length, 100)
})

test('an account keeps a hundred known browsers', async () => {
  const barbara = await signedIn('barbara')
  await bag.db.query(sql`
    insert into known_browsers (account_id, token_hash, last_used_at)
    select ${barbara.id}, sha256(n::text::bytea), now() - n * interval '1 minute' from generate_series(1, 105) as n`)
  const login = { email: barbara.email, password: barbara.password }
  await bag.request('POST', '/api/auth/login', login, { 'sec-fetch-site': 'same-origin' })
  assert.equal(await count(sql`from known_browsers where account_id = ${barbara.id}`), 100)
  const oldest = sql`from known_browsers where account_id = ${barbara.id} and token_hash = sha256('99'::bytea)`
  assert.equal(await count(oldest), 1)
})

test('an account can restore its last hundred deleted movies', async () => {
  const edsger = await signedIn('edsger')
  await bag.db.query(sql`
    insert into deleted_movies (id, name, casts, genres, added_by, created_at, deleted_at)
    select 1000000 + n, 'Gone', '{Somebody}', '{Drama}', ${edsger.id}, now(), now() - n * interval '10 milliseconds'
    from generate_series(1, 105) as n`)
  const { id } = (await add(edsger, 'Regretted')).body
  assert.equal((await bag.request('DELETE', `/api/movies/${id}`, undefined, edsger.session)).status, 200)
  assert.equal(await count(sql`from deleted_movies where added_by = ${edsger.id}`), 100)
  assert.equal(await count(sql`from deleted_movies where id = ${id}`), 1)
})

test('an account can cause at most five confirmation mails an hour', async () => {
  const tony = await signedIn('tony')
  const wish = { email: 'stranger@example.org', password: tony.password }
  const requests = {
    'confirm-address': ['/api/auth/email', wish],
    'verify-address': ['/api/auth/verify/mail'],
  } as const
  for (const [kind, [path, body]] of Object.entries(requests)) {
    await mailsBefore(tony.id, kind, 5)
    assertError(await bag.request('POST', path, body, tony.session), 'TooManyRequestsError')
    await passTime(bag, '1 hour', tony)
    assert.equal((await bag.request('POST', path, body, tony.session)).status, 200)
  }
})

test('an address that was never verified gets at most five mails a day', async () => {
  const email = 'crowded@example.org'
  const mails = () => bag.smtp.mails.filter(({ recipients }) => recipients.includes(email)).length
  for (let turn = 1; turn <= 6; turn += 1) {
    const session = await logIn(bag, await signUp(bag, 'crowded'))
    await allMailSettled(bag)
    const wish = { password: passwordOf('crowded'), movies: 'keep' }
    assert.equal((await bag.request('DELETE', '/api/auth/account', wish, session)).status, 200)
    await allMailSettled(bag)
  }
  const verifications = bag.smtp.verifications.filter(({ recipients }) => recipients.includes(email)).length
  assert.equal(mails() + verifications, 5)
  for (const name of ['john', 'niklaus']) {
    const { password, session } = await signedIn(name)
    assert.equal((await bag.request('POST', '/api/auth/email', { email, password }, session)).status, 200)
  }
  await allMailSettled(bag)
  assert.equal(mails() + verifications, 5)

  await passTime(bag, '1 day')
  const owner = await signUp(bag, 'crowded')
  const token = await mailedToken(bag, 'verify', email)
  assert.equal((await bag.request('POST', '/api/auth/verify', { token })).status, 200)
  await setCounters(bag, 'unverified-mails', 5)
  const before = mails()
  const wish = { password: owner.password, movies: 'keep' }
  assert.equal((await bag.request('DELETE', '/api/auth/account', wish, await logIn(bag, owner))).status, 200)
  await allMailSettled(bag)
  assert.equal(mails(), before + 1, 'an owner is told whatever strangers did')
})

test('nothing that is done with accounts sends more than five mails a day to an address that was never verified', async () => {
  const names = ['bystander+1', 'bystander+2', 'Bystander', 'bystander']
  for (const name of names) {
    const { email, password } = await signUp(bag, name)
    const headers = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }
    await bag.request('POST', '/api/auth/login', { email, password }, headers)
    const session = await logIn(bag, { email, password })
    const change = { current_password: password, new_password: 'another long password' }
    assert.equal((await bag.request('PUT', '/api/auth/password', change, session)).status, 200)
    await allMailSettled(bag)
    const wish = { password: change.new_password, movies: 'keep' }
    assert.equal((await bag.request('DELETE', '/api/auth/account', wish, session)).status, 200)
    await allMailSettled(bag)
  }
  const here = [...bag.smtp.mails, ...bag.smtp.verifications].filter(({ recipients }) => {
    return /^bystander(\+\d)?@example\.org$/i.test(recipients.join())
  })
  assert.equal(here.length, 5, here.map(({ subject }) => subject).join())
})

test('the dots of a Gmail address do not make it another mailbox', async () => {
  for (const local of [
    'ada.lovelace',
    'a.dalovelace',
    'ad.alovelace',
    'adalovelace+x',
    'adalovelac.e',
    'a.d.a.lovelace',
  ]) {
    const domain = local.includes('+') ? 'googlemail.com' : 'gmail.com'
    await bag.request('POST', '/api/auth/signup', { email: `${local}@${domain}`, password: 'a long enough password' })
  }
  await allMailSettled(bag)
  assert.equal(bag.smtp.verifications.filter(({ recipients }) => /g(oogle)?mail/.test(recipients.join())).length, 5)
})

test('at most ten new devices an hour are mailed to the owner', async () => {
  const leslie = await signedIn('leslie')
  const fromNewDevice = async (system: string) => {
    const { email, password } = leslie
    const headers = { 'user-agent': `Mozilla/5.0 (${system}) AppleWebKit/537.36 Chrome/140.0 Safari/537.36` }
    assert.equal((await bag.request('POST', '/api/auth/login', { email, password }, headers)).status, 200)
    await allMailSettled(bag)
    return bag.smtp.mails.filter(({ recipients }) => recipients.includes(email)).length
  }
  await mailsBefore(leslie.id, 'new-device', 9)
  assert.equal(await fromNewDevice('Windows NT 10.0'), 1)
  assert.equal(await fromNewDevice('X11; Linux x86_64'), 1)
})

type SignedIn = { id: string; email: string; password: string; session: Record<string, string> }

async function signedIn(name: string): Promise<SignedIn> {
  const account = await signUp(bag, name)
  return { ...account, session: await logIn(bag, account) }
}

function cookieOf({ session }: SignedIn): string {
  return `movie_bag=${session['authorization']?.replace('Bearer ', '')}`
}

function add({ session }: SignedIn, name: string) {
  return bag.request('POST', '/api/movies', { name, casts: ['Somebody'], genres: ['Drama'] }, session)
}

async function mailsBefore(accountId: string, kind: string, mails: number): Promise<void> {
  await bag.db.query(sql`
    insert into outbox (kind, account_id, locale, support_code, state, closed_at)
    select ${kind}, ${accountId}, 'en', 'AAAAAA', 'sent', now() from generate_series(1, ${mails}::int)`)
}

async function count(rows: Sql): Promise<number> {
  const [row] = await bag.db.query<{ count: number }>(sql`select count(*)::int ${rows}`)
  return row?.count ?? 0
}
