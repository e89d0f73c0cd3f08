import { setTimeout } from 'node:timers/promises'
import type { Bench, Measurement } from './bench.ts'
import { post } from './client.ts'
import { type Outcome, runLoad } from './load.ts'
import { clients } from './requests.ts'
import { numbersOf, pick, takeTurns } from './rounds.ts'
import { addAccounts, address } from './seed.ts'
import { type Service, untilIdle } from './services.ts'
import { costRow, type Row, rateRow, shareRow } from './table.ts'

/** The state of the SMTP server during the requests. After them it recovers, and the mails have time to arrive. */
type Smtp = { is: string; close: boolean; delayMilliseconds: number; acceptedAtLeast: number }

export const forgotFast = forgot({ is: 'fast', close: false, delayMilliseconds: 0, acceptedAtLeast: 0.5 })
export const forgotSlow = forgot({ is: '200 ms slow', close: false, delayMilliseconds: 200, acceptedAtLeast: 1 })
export const forgotDown = forgot({ is: 'down', close: true, delayMilliseconds: 0, acceptedAtLeast: 1 })

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
      rateRow(`${what}: accepted`, rates, smtp.acceptedAtLeast),
      costRow(`${what}: p99`, slowest, 'ms'),
      shareRow(`${what}: delivered in the end`, share(pair.floor), share(pair.movieBag)),
    ]
  }
}

/** Each request is for another account, because Movie Bag sends an account at most one reset mail a minute. */
async function askForMails(service: Service, requests: number, smtp: Smtp): Promise<Outcome> {
  const { mailbox, port, subject } = service
  const first = await addAccounts(service, requests)
  const delivered = mailbox.delivered()
  if (smtp.close) await mailbox.close()
  else mailbox.setDelay(smtp.delayMilliseconds)

  const request = (n: number) => post('/api/auth/forgot', { email: address(first + n) })
  const outcome = await runLoad({ port, clients, requests, request })

  if (smtp.close) {
    await setTimeout(1000)
    await mailbox.open(0)
  } else {
    mailbox.setDelay(0)
  }
  await mailbox.settle(delivered + requests, subject.patienceSeconds)
  await untilIdle(service)
  return outcome
}
