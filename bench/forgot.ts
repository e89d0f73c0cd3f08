import { setTimeout } from 'node:timers/promises'
import type { Bench, Measurement, Pair } from './bench.ts'
import { post } from './client.ts'
import { type Outcome, runLoad } from './load.ts'
import { median } from './numbers.ts'
import { clients } from './requests.ts'
import { numbersOf, pick, takeTurns } from './rounds.ts'
import { addAccounts, address } from './seed.ts'
import { type Service, untilIdle } from './services.ts'
import { costRow, type Row, rateRow, shareRow } from './table.ts'

/** The state of the SMTP server during the requests. After them it recovers, and the mails have time to arrive. */
type Smtp = { is: 'fast' | '200 ms slow' | 'down'; delayMilliseconds: number }

export const forgotFast = forgot({ is: 'fast', delayMilliseconds: 0 })
export const forgotSlow = forgot({ is: '200 ms slow', delayMilliseconds: 200 })
export const forgotDown = forgot({ is: 'down', delayMilliseconds: 0 })

function forgot(smtp: Smtp): Measurement['measure'] {
  return async ({ size, pair }: Bench): Promise<Row[]> => {
    const services = [pair.floor, pair.movieBag]
    const before = new Map(services.map((service) => [service, service.mailbox.delivered()]))
    const of = await takeTurns(services, size.rounds, (service) => askForMails(service, size.forgotRequests, smtp))

    const asked = (size.rounds + 1) * size.forgotRequests
    const share = (service: Service) => (service.mailbox.delivered() - (before.get(service) ?? 0)) / asked
    const rates = numbersOf(
      pick(of, ({ perSecond }) => perSecond),
      pair,
    )
    const slowest = numbersOf(
      pick(of, ({ p99 }) => p99),
      pair,
    )
    const what = `forgot at ${clients} clients, SMTP ${smtp.is}`
    return [
      rateRow(`${what}: accepted`, rates, 1),
      costRow(`${what}: p99`, slowest, 'ms', 1),
      ...rowsOfDelivery(smtp, of, pair),
      shareRow(`${what}: delivered in the end`, share(pair.floor), share(pair.movieBag), 1),
    ]
  }
}

/** How fast mail goes to a server that is fast, or that is back. */
function rowsOfDelivery({ is }: Smtp, of: (service: Service) => Delivered[], pair: Pair): Row[] {
  if (is === 'fast') {
    const rates = numbersOf(
      pick(of, ({ deliveredPerSecond }) => deliveredPerSecond),
      pair,
    )
    return [rateRow('mails delivered, from the first request on', rates, 0.55)]
  }
  if (is !== 'down') return []
  const share = (service: Service) => median(of(service).map(({ shareAfterOutage }) => shareAfterOutage))
  return [shareRow('delivered 5 s after the outage', share(pair.floor), share(pair.movieBag), 0.9)]
}

type Delivered = Outcome & { deliveredPerSecond: number; shareAfterOutage: number }

/** Each request is for another account, because Movie Bag sends an account at most one reset mail a minute. */
async function askForMails(service: Service, requests: number, smtp: Smtp): Promise<Delivered> {
  const { mailbox, port, subject } = service
  const first = await addAccounts(service, requests)
  const delivered = mailbox.delivered()
  if (smtp.is === 'down') await mailbox.close()
  else mailbox.setDelay(smtp.delayMilliseconds)

  const request = (n: number) => post('/api/auth/forgot', { email: address(first + n) })
  const started = performance.now()
  const outcome = await runLoad({ port, clients, requests, request })

  if (smtp.is === 'down') {
    await setTimeout(1000)
    await mailbox.open(0)
    await setTimeout(5000)
  } else {
    mailbox.setDelay(0)
  }
  const shareAfterOutage = (mailbox.delivered() - delivered) / requests
  await mailbox.settle(delivered + requests, subject.patienceSeconds)
  const deliveredPerSecond = ((mailbox.delivered() - delivered) / (performance.now() - started)) * 1000
  await untilIdle(service)
  return { ...outcome, deliveredPerSecond, shareAfterOutage }
}
