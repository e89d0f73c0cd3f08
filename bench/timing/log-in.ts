import { performance } from 'node:perf_hooks'
import { openClient, post } from '../client.ts'
import { addAccounts, address } from '../seed.ts'
import type { Service } from '../services.ts'
import { addTime, inRandomOrder, type Samples } from './samples.ts'

/** In random order, one of each kind a round: how long a login takes that is refused. */
export async function logInTimes(service: Service, rounds: number): Promise<Samples> {
  const first = await addAccounts(service, 2 * rounds)
  const frozen = Array.from({ length: rounds }, (_, round) => address(first + 2 * round + 1))
  await service.db.query('update accounts set password_hash = null, frozen_at = now() where email = any($1)', [frozen])
  const client = await openClient(service.port)
  const samples: Samples = {}
  for (let round = 0; round < rounds; round += 1) {
    const people = {
      unknown: `no-login-${round}@example.com`,
      known: address(first + 2 * round),
      frozen: address(first + 2 * round + 1),
    }
    for (const [kind, email] of inRandomOrder(Object.entries(people))) {
      const asked = performance.now()
      const { status } = await client.send(post('/api/auth/login', { email, password: 'no password of anybody' }))
      if (status !== 401) throw new Error(`A login that should be refused was answered ${status}.`)
      addTime(samples, 'the answer', kind, performance.now() - asked)
    }
  }
  client.close()
  return samples
}
