import type { Bench } from './bench.ts'
import { get, post } from './client.ts'
import { runLoad } from './load.ts'
import { numbersOf, takeShortTurns, takeTurns } from './rounds.ts'
import { address, password, signIn } from './seed.ts'
import { type Service, untilIdle } from './services.ts'
import { type Row, rateRow } from './table.ts'

export const clients = 8

export async function readMovie({ size, pair }: Bench): Promise<Row[]> {
  const of = await takeShortTurns([pair.floor, pair.movieBag], size, (service, seconds) =>
    rateOfReading(service, seconds, size.movies),
  )
  return [rateRow('read one movie', numbersOf(of, pair), 0.85)]
}

export async function listMovies({ size, pair }: Bench): Promise<Row[]> {
  const of = await takeShortTurns([pair.floor, pair.movieBag], size, (service, seconds) =>
    rateOf(service, seconds, () => get('/api/movies?limit=20')),
  )
  return [rateRow(`list 20 of ${size.movies.toLocaleString('en')}`, numbersOf(of, pair), 0.85)]
}

export async function addMovie({ size, pair }: Bench): Promise<Row[]> {
  const of = await takeShortTurns([pair.floor, pair.movieBag], size, rateOfAdding)
  return [rateRow('add a movie, signed in', numbersOf(of, pair), 0.75)]
}

/** In whole turns, because a hash takes so long that few would finish in a short one. */
export async function logIn({ size, pair }: Bench): Promise<Row[]> {
  const request = (n: number) => post('/api/auth/login', { email: address(n % 1000), password })
  const of = await takeTurns([pair.floor, pair.movieBag], size.rounds, (service) =>
    rateOf(service, size.seconds, request),
  )
  return [rateRow(`login at ${clients} clients`, numbersOf(of, pair), 0.95)]
}

export function rateOfReading(service: Service, seconds: number, movies: number): Promise<number> {
  return rateOf(service, seconds, () => get(`/api/movies/${1 + Math.floor(Math.random() * movies)}`))
}

export async function rateOfAdding(service: Service, seconds: number): Promise<number> {
  const token = await signIn(service)
  const batch = Date.now()
  const rest = { casts: ['Ada Lovelace', 'Grace Hopper', 'Katherine Johnson'], genres: ['Drama', 'History'] }
  return rateOf(service, seconds, (n) => post('/api/movies', { name: `Added ${batch}-${n}`, ...rest }, token))
}

/** Measures how many of these requests a service answers per second. */
export async function rateOf(service: Service, seconds: number, request: (n: number) => string): Promise<number> {
  const { perSecond } = await runLoad({ port: service.port, clients, seconds, request })
  await untilIdle(service)
  return perSecond
}
