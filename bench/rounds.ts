import type { Pair, Size, Subjects } from './bench.ts'
import { mean } from './numbers.ts'
import type { Service } from './services.ts'
import type { PipelinedResults, Results } from './table.ts'

/**
 * Measures the services in turns, once per round, after one turn each that does not count. Every other round reverses the
 * order, so that what drifts over time, such as the temperature of the processor, affects all of them equally. Returns the
 * results of each service, one per round.
 */
export async function takeTurns<T>(
  services: Service[],
  rounds: number,
  measure: (service: Service) => Promise<T>,
): Promise<(service: Service) => T[]> {
  const results = new Map<Service, T[]>()
  for (const service of services) {
    await measure(service)
    results.set(service, [])
  }
  for (let round = 0; round < rounds; round++) {
    for (const service of round % 2 === 0 ? services : services.toReversed()) {
      results.get(service)?.push(await measure(service))
    }
  }
  return (service) => results.get(service) ?? []
}

/**
 * Measures rates in the same way, but cuts each turn into eight that alternate, so that whatever disturbs the machine for a
 * second affects all services.
 */
export async function takeShortTurns(
  services: Service[],
  { rounds, seconds }: Size,
  rateOf: (service: Service, seconds: number) => Promise<number>,
): Promise<(service: Service) => number[]> {
  for (const service of services) await rateOf(service, seconds)
  const of = await takeTurns(services, rounds * 8, (service) => rateOf(service, seconds / 8))
  return (service) => Array.from({ length: rounds }, (_, round) => mean(of(service).slice(round * 8, round * 8 + 8)))
}

/** The numbers of both subjects, one per round. */
export function numbersOf(of: (service: Service) => number[], pair: Pair): Results {
  return { floor: of(pair.floor), movieBag: of(pair.movieBag) }
}

/** The numbers of all three subjects, one per round. */
export function pipelinedNumbersOf(of: (service: Service) => number[], subjects: Subjects): PipelinedResults {
  return { ...numbersOf(of, subjects), pipelined: of(subjects.pipelined) }
}

/** Picks one number from the results of both subjects. */
export function pick<T>(of: (service: Service) => T[], number: (result: T) => number): (service: Service) => number[] {
  return (service) => of(service).map(number)
}
