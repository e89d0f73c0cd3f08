import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { allTargets, type FuzzedRequest, fuzzedRequest } from '../../test/fuzz-requests.ts'
import { mailedToken } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { seedToReplay, sizeOf } from '../../test/size.ts'
import { errorCodes } from '../errors.ts'

// `npm run fuzz` makes it 50,000 requests, or as many as it is told.
const requests = sizeOf('requests', 2000)
const atOnce = 20

const bag = await startMovieBag({ TRUST_PROXY: 'on' })
after(() => bag.stop())

test('no odd request causes a 5xx, hangs, or gets an error in another format', async () => {
  const targets = await allTargets(bag)
  assert(targets.length > 40, 'the routes were not found')
  const batch = fc.array(fuzzedRequest(targets, { values: await knownValues(), sessions: names }), {
    minLength: atOnce,
    maxLength: atOnce,
  })
  const property = fc.asyncProperty(batch, async (batch) => {
    await keepSignedIn()
    await Promise.all(batch.map(async (request) => check(request, await send(request))))
  })
  const seed = seedToReplay() ?? Math.trunc(Math.random() * 2 ** 31)
  // The first failure is told as it is: what it needs to happen again may be gone, so there is nothing to shrink.
  await fc.assert(property, { numRuns: Math.ceil(requests / atOnce), seed, endOnFailure: true }).catch((error) => {
    throw new Error(`Replay it with: npm run fuzz -- ${requests} seed=${seed}`, { cause: error })
  })
})

test('afterwards the service still works and has logged no error', async () => {
  assert.equal((await bag.request('GET', '/health/ready')).status, 200)
  assert.deepEqual(
    bag.log.filter((line) => JSON.parse(line).level >= 50),
    [],
  )
})

type Answered = { status: number; type: string; text: string }

function check(request: FuzzedRequest, { status, type, text }: Answered): void {
  const told = `${inWords(request)}\n→ ${status} ${type}\n${text.slice(0, 500)}`
  assert(status >= 200 && status < 500, told)
  if (status < 400 || request.method === 'HEAD') return
  if (type.startsWith('text/html') && !/^\/(api|health)\//.test(request.path)) {
    assert.match(text, /<h1>/, told)
    return
  }
  assert.equal(type, 'application/problem+json; charset=utf-8', told)
  const body = JSON.parse(text)
  assert.equal(body.status, status, told)
  assert(body.code in errorCodes && body.message === body.title, told)
}

function send({ method, path, headers, body }: FuzzedRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': String(body?.length ?? 0) }
    const session = sessions[names.indexOf(headers['authorization'] ?? '')]
    const authorization = session && { authorization: session }
    const options = {
      method,
      path,
      headers: { ...headers, ...authorization, ...length },
      agent: false,
      timeout: 20_000,
    }
    const sending = httpRequest(bag.url, options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text }),
      )
    })
    const fail = (what: string) => reject(new Error(`${what}\n${inWords({ method, path, headers, body })}`))
    sending.once('timeout', () => sending.destroy(new Error('It hangs.')))
    sending.once('error', (error) => fail(error.message)).end(body)
  })
}

function inWords({ method, path, headers, body }: FuzzedRequest): string {
  return `${method} ${path}\n${JSON.stringify(headers)}\n${body?.toString('latin1').slice(0, 500) ?? ''}`
}

const names = ['ada', 'grace']
const sessions = names.map(() => '')

/** Sees to it that requests come further than to the door: what they did to the accounts before may have ended sessions. */
async function keepSignedIn(): Promise<void> {
  for (const [index, authorization] of sessions.entries()) {
    const { status } = await bag.request('GET', '/api/auth/account', undefined, { authorization })
    if (status === 200) continue
    const account = await signUp(bag, `${names[index]}.${crypto.randomUUID()}`)
    sessions[index] = (await logIn(bag, account))['authorization'] ?? ''
  }
}

/** Addresses, passwords, tokens and ids that mean something to the service. */
async function knownValues(): Promise<string[]> {
  const accounts = await Promise.all(names.map((name) => signUp(bag, name)))
  const [ada, grace] = await Promise.all(accounts.map((account) => logIn(bag, account)))
  const movie = { name: 'Metropolis', casts: ['Brigitte Helm'], genres: ['Drama'] }
  const { body } = await bag.request('POST', '/api/movies', movie, ada)
  for (const { email } of accounts) await bag.request('POST', '/api/auth/forgot', { email })
  const wish = { email: 'grace.new@example.org', password: accounts[1]?.password }
  await bag.request('POST', '/api/auth/email', wish, grace)
  const tokens = [
    await mailedToken(bag, 'reset', 'ada@example.org'),
    await mailedToken(bag, 'not-me', 'grace@example.org'),
    await mailedToken(bag, 'verify', 'ada@example.org'),
    await mailedToken(bag, 'confirm-address', wish.email),
  ]
  const known = accounts.flatMap(({ id, email, password }) => [id, email, password])
  return [...known, ...tokens, String(body.id), 'keep', 'a password that will do']
}
