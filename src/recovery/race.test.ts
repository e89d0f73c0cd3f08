import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { allMailSettled, mailedToken } from '../../test/mail-links.ts'
import { logIn, signUp, startMovieBag } from '../../test/movie-bag.ts'
import { sizeOf } from '../../test/size.ts'
import { sql } from '../database/database.ts'

// `npm run race` makes it 50 links; each costs 20 hashes.
const links = sizeOf('links', 6)
const postsALink = 20

const bag = await startMovieBag()
const agent = new Agent({ keepAlive: true, maxSockets: postsALink, maxFreeSockets: postsALink })
after(async () => {
  agent.destroy()
  await bag.stop()
})

test('of 20 concurrent resets with one link, one wins, with one change and one confirmation', async () => {
  for (let link = 0; link < links; link += 1) {
    const account = await signUp(bag, `racer${link}`)
    await bag.request('POST', '/api/auth/forgot', { email: account.email })
    const token = await mailedToken(bag, 'reset', account.email)
    const passwords = Array.from({ length: postsALink }, (_, way) => `password number ${way} of link ${link}`)
    await warm()
    const statuses = await Promise.all(passwords.map((password) => finish(token, password)))
    const winners = passwords.filter((_, way) => statuses[way] === 200)
    assert.equal(winners.length, 1, `${statuses}`)
    assert.equal(statuses.filter((status) => status === 403).length, postsALink - 1, `${statuses}`)
    await logIn(bag, { email: account.email, password: winners[0] ?? '' })
  }
  await allMailSettled(bag)
  const confirmations = bag.smtp.mails.filter(({ subject }) => subject === '[Movie-bag] Password reset successful')
  assert.equal(confirmations.length, links)
  const recipients = confirmations.flatMap((mail) => mail.recipients)
  assert.equal(new Set(recipients).size, links, 'one for each account')
  const changes = await bag.db.query(sql`select id from audit_history where event = 'password reset'`)
  assert.equal(changes.length, links)
})

/** Opens the connections first, so that nothing but the posts is left to race. */
function warm(): Promise<number[]> {
  return Promise.all(Array.from({ length: postsALink }, () => send('GET', '/health/live')))
}

/** Posts until it is not told that too many passwords are being hashed. */
async function finish(token: string, password: string): Promise<number> {
  for (;;) {
    const status = await send('POST', '/api/auth/reset', { reset_token: token, password })
    if (status !== 503) return status
    await sleep(100)
  }
}

function send(method: string, path: string, body?: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = body && { 'content-type': 'application/json' }
    const sending = httpRequest(bag.url + path, { method, agent, headers }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0))
    })
    sending.once('error', reject).end(body && JSON.stringify(body))
  })
}
