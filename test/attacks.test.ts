// What a stranger found who tried to break in (docs/attack.md). Each was a way in or a way to stop the service.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { signUp, startMovieBag } from './movie-bag.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('an address as long as a body may be costs the service no time', async () => {
  const email = `eve@a.${'a'.repeat(95_000)}-`
  const routes = ['forgot', 'login', 'signup'].flatMap((route) => Array<string>(5).fill(`/api/auth/${route}`))
  const answers = await Promise.all(
    routes.map((route) => bag.request('POST', route, { email, password: 'of Eve, long' })),
  )
  assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([400, 401]))
})

test('the device that a mail names is one of a list, and nothing that a stranger made up', async () => {
  const grace = await signUp(bag, 'grace')
  await bag.request('POST', '/api/auth/forgot', { email: grace.email })
  const body = { reset_token: await bag.smtp.tokenFor(grace.email), password: 'the password that Eve chose' }
  const userAgent = { 'user-agent': 'www.evil.example/5.0 (Windows NT 10.0; Win64; x64)' }
  assert.equal((await bag.request('POST', '/api/auth/reset', body, userAgent)).status, 200)
  const { text = '', html } = await bag.smtp.mailTo(grace.email, 2)
  assert.match(text, /Device: Windows/)
  for (const half of [text, html || '']) assert.ok(!half.includes('evil'))
})
