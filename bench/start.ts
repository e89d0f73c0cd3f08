import { setTimeout } from 'node:timers/promises'
import type { Bench } from './bench.ts'
import { numbersOf, pick, takeTurns } from './rounds.ts'
import { costRow, type Row } from './table.ts'

/** From the start of the process to its first response, on a migrated database; then its memory when idle. */
export async function coldStart({ size, pair }: Bench): Promise<Row[]> {
  const of = await takeTurns([pair.floor, pair.movieBag], size.rounds, async (service) => {
    const milliseconds = await service.restart()
    await setTimeout(2000)
    return { milliseconds, megabytes: service.residentMegabytes() }
  })
  const times = numbersOf(
    pick(of, ({ milliseconds }) => milliseconds),
    pair,
  )
  const memory = numbersOf(
    pick(of, ({ megabytes }) => megabytes),
    pair,
  )
  return [costRow('cold start', times, 'ms', 1.4), costRow('memory when idle', memory, 'MB', 1.5)]
}
