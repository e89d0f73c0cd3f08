import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase } from './database.ts'
import { type Answer, logIn, passwordOf, secret, signUp } from './movie-bag.ts'
import { startService, until } from './service.ts'
import { startSmtp } from './smtp.ts'
import { startTcpProxy } from './tcp-proxy.ts'

const url = new URL(await createDatabase())
const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) })
url.host = `127.0.0.1:${proxy.port}`
const smtp = await startSmtp()
const service = await startService('serve', {
  DATABASE_URL: url.href,
  JWT_SECRET_KEY: secret,
  MAIL_PORT: String(smtp.port),
})
after(async () => {
  proxy.mode = 'open'
  await service.end()
  await proxy.stop()
  await smtp.stop()
})

const ada = await signUp(service, 'ada')
const cookie = `movie_bag=${(await logIn(service, ada))['authorization']?.replace('Bearer ', '')}`

for (const mode of ['closed', 'silent'] as const) {
  test(`while the connection to the database is ${mode}, requests are 503; then the service recovers`, async () => {
    proxy.mode = mode
    if (mode === 'closed') proxy.cut()
    const began = Date.now()
    const answers = await Promise.all([
      service.request('GET', '/api/movies'),
      service.request('POST', '/api/auth/login', ada),
      service.request('POST', '/api/auth/forgot', { email: ada.email }),
      service.request('POST', '/api/auth/signup', { email: 'alan@example.org', password: passwordOf('alan') }),
      service.request('GET', '/health/ready'),
    ])
    for (const answer of answers) {
      assert.deepEqual([answer.status, answer.body.code], [503, 'ServiceUnavailableError'])
      assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/)
    }
    // The promise is 3 seconds; the rest is for busy machines.
    assert.ok(Date.now() - began < 6000, `it took ${Date.now() - began} ms`)
    const page = await service.request('GET', '/log-in', undefined, { accept: 'text/html', cookie })
    assert.equal(page.status, 503)
    assert.match(page.text, /<h1>Back in a moment<\/h1>.*Try again in \d+ second/s)
    assert.equal((await service.request('GET', '/health/live')).status, 200)

    proxy.mode = 'open'
    await recovered()
    const reader = await signUp(service, `after-${mode}`)
    await service.request('POST', '/api/auth/forgot', { email: reader.email })
    await smtp.tokenFor(reader.email)
  })
}

test('what was confirmed lasts, even while connections are cut again and again', async () => {
  const signedUp: string[] = []
  const asked: string[] = []
  const deadline = Date.now() + 30_000
  const isGoingOn = () => asked.length < 10 && Date.now() < deadline
  const cutAgainAndAgain = async () => {
    let pauseMs = 500
    while (isGoingOn()) {
      const before = signedUp.length + asked.length
      await sleep(pauseMs)
      proxy.cut()
      // A busy machine may need longer for a request.
      pauseMs = signedUp.length + asked.length > before ? 500 : pauseMs * 2
    }
  }
  const client = async (number: number) => {
    for (let turn = 1; isGoingOn(); turn += 1) {
      const email = `cut-${number}-${turn}@example.org`
      if (!isDone(await service.request('POST', '/api/auth/signup', { email, password: passwordOf(email) }))) continue
      signedUp.push(email)
      if (isDone(await service.request('POST', '/api/auth/forgot', { email }))) asked.push(email)
    }
  }
  await Promise.all([cutAgainAndAgain(), ...[1, 2, 3, 4].map(client)])
  assert.ok(asked.length >= 10, `${asked.length} were answered`)

  await recovered()
  for (const email of signedUp.slice(-20)) await logIn(service, { email, password: passwordOf(email) })
  for (const email of asked) await smtp.tokenFor(email)
})

test('the log reports each loss of the database once', async () => {
  const count = (event: string) => service.output().split(`"event":"${event}"`).length - 1
  await until(() => count('outbox-down') === count('outbox-up'), 'the worker to be back')
  assert.ok(count('outbox-down') >= 1 && count('outbox-down') < 40, `${count('outbox-down')} times`)
})

function recovered(): Promise<void> {
  return until(async () => (await service.request('GET', '/health/ready')).status === 200, 'the service to recover')
}

/** Returns whether a request succeeded. Any failure must be ServiceUnavailableError. */
function isDone(answer: Answer): boolean {
  if (answer.status !== 200) assert.equal(answer.body.code, 'ServiceUnavailableError', answer.text)
  return answer.status === 200
}
