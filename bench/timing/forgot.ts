import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { type Client, expectSuccess, get, openClient, post } from '../client.ts'
import { mean } from '../numbers.ts'
import { addAccounts, address } from '../seed.ts'
import { type Service, untilIdle } from '../services.ts'
import { addTime, inRandomOrder, type Samples } from './samples.ts'

export type Smtp = 'up' | 'slow' | 'down'

/** Long enough for the worker to take the mail, whose pause between two looks is 200 to 300 ms, and to send it. */
const watchedMs = 400

/** In random order, one of each kind a round: how long forgot takes, and the requests that follow it. */
export async function forgotTimes(service: Service, smtp: Smtp, rounds: number): Promise<Samples> {
  const { mailbox } = service
  mailbox.setDelay(smtp === 'slow' ? 200 : 0)
  if (smtp === 'down') await mailbox.close()
  const first = await addPeople(service, rounds)
  const client = await openClient(service.port)
  const samples: Samples = {}
  for (let round = 0; round < rounds; round += 1) {
    const account = first + 3 * round
    const people = {
      unknown: `nobody-${smtp}-${round}@example.com`,
      known: address(account),
      frozen: address(account + 1),
      throttled: address(account + 2),
    }
    for (const [kind, email] of inRandomOrder(Object.entries(people))) {
      const times = await askAndWatch(client, email)
      for (const [what, time] of Object.entries(times)) addTime(samples, what, kind, time)
      await drain(service, smtp)
    }
  }
  client.close()
  if (smtp === 'down') await mailbox.open(0)
  return samples
}

async function askAndWatch(client: Client, email: string): Promise<Record<string, number>> {
  const asked = performance.now()
  expectSuccess(await client.send(post('/api/auth/forgot', { email })))
  const answered = performance.now()
  const following: number[] = []
  while (performance.now() - answered < watchedMs) {
    const sent = performance.now()
    expectSuccess(await client.send(get('/health/live')))
    following.push(performance.now() - sent)
  }
  return {
    'the answer': answered - asked,
    'four GETs right after': following.slice(0, 4).reduce((sum, time) => sum + time, 0),
    [`GETs for ${watchedMs} ms after`]: mean(following),
  }
}

/** Three accounts a round: one to be found, one frozen, and one that had a mail just before. */
async function addPeople(service: Service, rounds: number): Promise<number> {
  const first = await addAccounts(service, 3 * rounds)
  const numbered = `select id from accounts where email = any($1)`
  const every = (offset: number) => [Array.from({ length: rounds }, (_, round) => address(first + 3 * round + offset))]
  await service.db.query(
    `update accounts set password_hash = null, frozen_at = now() where id in (${numbered})`,
    every(1),
  )
  await service.db.query(
    `insert into outbox (kind, account_id, locale, support_code, state, closed_at)
    select 'reset-password', id, 'en', 'TIMING', 'sent', now() + interval '1 day' from accounts where email = any($1)`,
    every(2),
  )
  return first
}

/** Nothing of a sample may be left over for the next one. While the mail server is down mail would wait for ever. */
async function drain(service: Service, smtp: Smtp): Promise<void> {
  if (smtp !== 'down') return untilIdle(service)
  await setTimeout(50)
  await service.db.query('delete from outbox where closed_at is null')
}
