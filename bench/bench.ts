import type { Service } from './services.ts'
import type { Row } from './table.ts'

/** How much to measure: seconds per turn, and numbers of requests and rows. */
export type Size = {
  rounds: number
  seconds: number
  forgotRequests: number
  recoveries: number
  movies: number
  few: number
  many: number
}

/** Two subjects to compare, each with its own database on the same server. */
export type Pair = { floor: Service; movieBag: Service }

/** The third is the floor with its statements pipelined, for what the driver limits. */
export type Subjects = Pair & { pipelined: Service }

/** What a measurement can use. */
export type Bench = {
  size: Size
  /** The subjects, with 1,000 accounts and `size.movies` movies. */
  pair: Subjects
  /** Starts both subjects again, on empty databases with this prefix. */
  startPair: (name: string) => Promise<Pair>
}

export type Measurement = { name: string; measure: (bench: Bench) => Promise<Row[]> }
