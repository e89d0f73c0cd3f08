import { parseArgs } from 'node:util'
import type { Size } from './bench.ts'

export type Options = { size: Size; only: string[]; self: boolean; write: boolean }

const full: Size = {
  rounds: 7,
  seconds: 2,
  forgotRequests: 3000,
  recoveries: 256,
  movies: 10_000,
  few: 1000,
  many: 1_000_000,
}
const smoke: Size = { ...full, rounds: 1, seconds: 0.5, forgotRequests: 200, recoveries: 64, many: 20_000 }

/** Reads the command line. Exits after printing help, or if an option is invalid. */
export function readOptions(measurements: string[]): Options {
  const help = `npm run bench -- [options]
  --rounds N         rounds of each measurement (${full.rounds})
  --seconds N        length of a timed turn (${full.seconds})
  --only NAME,...    only these measurements: ${measurements.join(', ')}
  --smoke            run everything once, in about two minutes; the numbers mean little
  --self             compare the floor with itself, to see the noise of the machine
  --write            write docs/benchmark.md; needs a full run`
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        only: { type: 'string' },
        smoke: { type: 'boolean', default: false },
        self: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(help)
      process.exit()
    }
    const size = values.smoke ? smoke : full
    const only = values.only?.split(',') ?? measurements
    const unknown = only.find((name) => !measurements.includes(name))
    if (unknown !== undefined) throw new Error(`There is no measurement "${unknown}".`)
    if (values.write && (values.only || values.smoke || values.self)) {
      throw new Error('--write needs a full run, without --only, --smoke and --self.')
    }
    const rounds = parsePositive('--rounds', values.rounds, size.rounds)
    const seconds = parsePositive('--seconds', values.seconds, size.seconds)
    return { size: { ...size, rounds: Math.ceil(rounds), seconds }, only, self: values.self, write: values.write }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`)
    return process.exit(2)
  }
}

function parsePositive(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const number = Number(text)
  if (!(number > 0 && number < 1000)) throw new Error(`${name} must be a number above 0, not "${text}".`)
  return number
}
