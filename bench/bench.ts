import type { Service } from './services.ts'
import type { Row } from './table.ts'

/** How much is measured. Seconds are those of one turn; requests and rows are numbers. */
export type Size = {
  rounds: number
  seconds: number
  forgotRequests: number
  recoveries: number
  movies: number
  few: number
  many: number
}

/** One subject beside the other, each on its own database of the same server. */
export type Pair = { floor: Service; movieBag: Service }

/** What a measurement has to work with. */
export type Bench = {
  size: Size
  /** Both subjects, with 1,000 accounts and `size.movies` movies. */
  pair: Pair
  /** Both subjects once more, on empty databases whose names begin so. */
  startPair: (name: string) => Promise<Pair>
}

export type Measurement = { name: string; measure: (bench: Bench) => Promise<Row[]> }
