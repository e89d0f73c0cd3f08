import type { Bench } from './bench.ts'
import { ask, get, post } from './client.ts'
import { runLoad } from './load.ts'
import { numbersOf, pipelinedNumbersOf, takeShortTurns, takeTurns } from './rounds.ts'
import { address, password, signIn } from './seed.ts'
import { type Service, untilIdle } from './services.ts'
import { pipelinedRow, type Row, rateRow } from './table.ts'

export const clients = 8

/** For what the driver limits: with eight, the time on the way between the processes would. */
const manyClients = 32

export async function readMovie(bench: Bench): Promise<Row[]> {
  const { size } = bench
  return [
    await comparePipelined(bench, `read one movie, ${manyClients} clients`, 0.7, (service, seconds) =>
      rateOfReading(service, seconds, size.movies, manyClients),
    ),
    await comparePipelined(bench, `read one movie with its ETag, ${manyClients} clients`, 1, (service, seconds) =>
      rateOfRevalidating(service, seconds, size.movies),
    ),
  ]
}

export async function listMovies(bench: Bench): Promise<Row[]> {
  const what = `list 20 of ${bench.size.movies.toLocaleString('en')}, ${manyClients} clients`
  const request = () => get('/api/movies?limit=20')
  return [
    await comparePipelined(bench, what, 0.8, (service, seconds) => rateOf(service, seconds, request, manyClients)),
  ]
}

export async function addMovie(bench: Bench): Promise<Row[]> {
  return [await comparePipelined(bench, 'add a movie, signed in', 0.7, rateOfAdding)]
}

async function comparePipelined(
  { size, pair }: Bench,
  what: string,
  atLeast: number,
  rate: (service: Service, seconds: number) => Promise<number>,
): Promise<Row> {
  const of = await takeShortTurns([pair.floor, pair.pipelined, pair.movieBag], size, rate)
  return pipelinedRow(what, pipelinedNumbersOf(of, pair), atLeast)
}

/** In whole turns, because a hash takes so long that few would finish in a short one. */
export async function logIn({ size, pair }: Bench): Promise<Row[]> {
  const request = (n: number) => post('/api/auth/login', { email: address(n % 1000), password })
  const of = await takeTurns([pair.floor, pair.movieBag], size.rounds, (service) =>
    rateOf(service, size.seconds, request),
  )
  return [rateRow(`login at ${clients} clients`, numbersOf(of, pair), 0.93)]
}

export function rateOfReading(service: Service, seconds: number, movies: number, atOnce?: number): Promise<number> {
  return rateOf(service, seconds, () => get(`/api/movies/${1 + Math.floor(Math.random() * movies)}`), atOnce)
}

/** Reads movies that the client has. The floor has no validators, so it sends them again. */
async function rateOfRevalidating(service: Service, seconds: number, movies: number): Promise<number> {
  const ids = Array.from({ length: 500 }, () => 1 + Math.floor(Math.random() * movies))
  const requests: string[] = []
  for (const id of ids) {
    const { head } = await ask(service.port, get(`/api/movies/${id}`))
    const etag = /^etag: *(\S+)/im.exec(head)?.[1]
    requests.push(get(`/api/movies/${id}`, { etag }))
  }
  return rateOf(service, seconds, (n) => requests[n % requests.length] ?? '', manyClients)
}

export async function rateOfAdding(service: Service, seconds: number): Promise<number> {
  const token = await signIn(service)
  const batch = Date.now()
  const rest = { casts: ['Ada Lovelace', 'Grace Hopper', 'Katherine Johnson'], genres: ['Drama', 'History'] }
  return rateOf(service, seconds, (n) => post('/api/movies', { name: `Added ${batch}-${n}`, ...rest }, token))
}

/** Measures how many of these requests a service answers per second. */
export async function rateOf(
  service: Service,
  seconds: number,
  request: (n: number) => string,
  atOnce = clients,
): Promise<number> {
  const { perSecond } = await runLoad({ port: service.port, clients: atOnce, seconds, request })
  await untilIdle(service)
  return perSecond
}
