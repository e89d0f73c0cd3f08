import { performance } from 'node:perf_hooks'
import { expectSuccess, get, openClient, post } from '../client.ts'
import { median, percentile } from '../numbers.ts'
import type { Service } from '../services.ts'

const logins = 200

/** How long requests take that hash nothing, while so many log in at once. Hashing must not stall them. */
export async function timesBesideHashing(service: Service, rounds: number) {
  const people = await Promise.all(Array.from({ length: logins }, () => openClient(service.port)))
  const reader = await openClient(service.port)
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    let isOver = false
    const login = post('/api/auth/login', { email: `nobody-${round}@example.com`, password: 'no password of anybody' })
    const all = Promise.all(people.map((person) => person.send(login))).finally(() => {
      isOver = true
    })
    while (!isOver) {
      const sent = performance.now()
      expectSuccess(await reader.send(get('/api/movies?limit=1')))
      times.push(performance.now() - sent)
    }
    await all
  }
  for (const client of [...people, reader]) client.close()
  const p99 = percentile(times, 99)
  return { logins, requests: times.length, median: median(times), p99, isMet: p99 < 100 }
}
