import type { Bench, Pair } from './bench.ts'
import { expectSuccess, get, openClient, post } from './client.ts'
import { rateOf, rateOfAdding, rateOfReading } from './requests.ts'
import { numbersOf, takeShortTurns } from './rounds.ts'
import { addAccounts, addMovies } from './seed.ts'
import type { Service } from './services.ts'
import { growthRow, type Row } from './table.ts'

/** The same requests with few rows and with many. All four services run together and take turns. */
export async function growth({ size, startPair }: Bench): Promise<Row[]> {
  const few = await startGrown(startPair, 'few', size.few)
  const many = await startGrown(startPair, 'many', size.many)
  const services = [few.floor, few.movieBag, many.floor, many.movieBag]
  const rowsIn = (service: Service) => (services.indexOf(service) < 2 ? size.few : size.many)
  const growing = `${size.few.toLocaleString('en')} → ${size.many.toLocaleString('en')}`
  const middles = new Map<Service, string>()
  for (const service of services) middles.set(service, await pathInTheMiddle(service, rowsIn(service)))

  async function compare(what: string, rate: (service: Service, seconds: number) => Promise<number>): Promise<Row> {
    const of = await takeShortTurns(services, size, rate)
    return growthRow(`${what}: ${growing}`, numbersOf(of, few), numbersOf(of, many), 0.9)
  }

  return [
    await compare('read one movie', (service, seconds) => rateOfReading(service, seconds, rowsIn(service))),
    await compare('list 20', (service, seconds) => rateOf(service, seconds, () => get('/api/movies?limit=20'))),
    await compare('list 20 from the middle', (service, seconds) => {
      const path = middles.get(service) ?? ''
      return rateOf(service, seconds, () => get(path))
    }),
    await compare('forgot, an unknown address', (service, seconds) => rateOf(service, seconds, forgotByStranger)),
    await compare('add a movie', async (service, seconds) => {
      const rate = await rateOfAdding(service, seconds)
      await service.db.query('delete from movies where id > $1', [rowsIn(service)])
      return rate
    }),
  ]
}

async function startGrown(startPair: Bench['startPair'], name: string, rows: number): Promise<Pair> {
  const pair = await startPair(name)
  for (const service of [pair.floor, pair.movieBag]) {
    await addAccounts(service, rows)
    await addMovies(service, rows)
  }
  return pair
}

/** Finds the URL of a page of 20 in the middle as a client would, by following the Link headers. */
async function pathInTheMiddle({ port }: Service, movies: number): Promise<string> {
  const client = await openClient(port)
  let path = '/api/movies?limit=100'
  for (let passed = 0; passed < movies / 2; passed += 100) {
    const page = await client.send(get(path))
    expectSuccess(page)
    path = /^link: *<([^>]+)>; *rel="?next/im.exec(page.head)?.[1] ?? path
  }
  client.close()
  return path.replace('limit=100', 'limit=20')
}

/** These addresses have no accounts: each costs a lookup, and no mail hides that cost. */
function forgotByStranger(n: number): string {
  return post('/api/auth/forgot', { email: `stranger-${n}@example.com` })
}
