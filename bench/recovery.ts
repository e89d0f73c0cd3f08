import { performance } from 'node:perf_hooks'
import type { Bench } from './bench.ts'
import { type Client, expectSuccess, post, readMember } from './client.ts'
import { withClients } from './load.ts'
import { median } from './numbers.ts'
import { numbersOf, pick, takeTurns } from './rounds.ts'
import { addAccounts, address } from './seed.ts'
import { type Service, untilIdle } from './services.ts'
import { costRow, type Row, rateRow } from './table.ts'

/** Full recoveries: forgot, take the link from the mail in the sink, reset, log in with the new password. */
export async function recovery({ size, pair }: Bench): Promise<Row[]> {
  const services = [pair.floor, pair.movieBag]
  const few = await takeTurns(services, size.rounds, (service) => recoverMany(service, size.recoveries / 4, 8))
  const crowd = await takeTurns(services, size.rounds, (service) => recoverMany(service, size.recoveries, 64))
  const alone = await takeTurns(services, size.rounds, (service) => recoverMany(service, 8, 1))
  const ratesOf = (of: typeof crowd) =>
    numbersOf(
      pick(of, ({ perSecond }) => perSecond),
      pair,
    )
  const times = numbersOf(
    pick(alone, ({ medianMilliseconds }) => medianMilliseconds),
    pair,
  )
  return [
    rateRow('full recovery at 8 clients', ratesOf(few), 0.85),
    rateRow('full recovery at 64 clients', ratesOf(crowd), 0.8),
    costRow('full recovery at 1 client, median', times, 'ms'),
  ]
}

async function recoverMany(service: Service, recoveries: number, clients: number) {
  const first = await addAccounts(service, recoveries)
  const times: number[] = []
  const started = performance.now()
  let next = first
  await withClients(service.port, clients, async (client) => {
    while (next < first + recoveries) {
      const asked = performance.now()
      await recover(client, service, address(next++))
      times.push(performance.now() - asked)
    }
  })
  const perSecond = (recoveries / (performance.now() - started)) * 1000
  await untilIdle(service)
  return { perSecond, medianMilliseconds: median(times) }
}

async function recover(client: Client, { mailbox }: Service, email: string): Promise<void> {
  const password = 'a new bag for new movies'
  expectSuccess(await client.send(post('/api/auth/forgot', { email })))
  const resetToken = await mailbox.tokenFor(email)
  expectSuccess(await client.send(post('/api/auth/reset', { reset_token: resetToken, password })))
  readMember(await client.send(post('/api/auth/login', { email, password })), 'token')
}
