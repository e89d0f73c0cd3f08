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
const small: Size = { ...full, rounds: 1, seconds: 0.5, forgotRequests: 200, recoveries: 64, many: 20_000 }

/** What the command line asks for. Ends the process where it asks for help, or for what is not there. */
export function readOptions(measurements: string[]): Options {
  const help = `npm run bench -- [options]
  --rounds N         turns that count, for each subject in each measurement (${full.rounds})
  --seconds N        length of a turn that is measured by time (${full.seconds})
  --only NAME,...    some measurements: ${measurements.join(', ')}
  --small            a quick look at everything, in about two minutes; its numbers mean little
  --self             the floor beside itself, to see what the machine cannot tell apart
  --write            write docs/benchmark.md, of a run in full`
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        only: { type: 'string' },
        small: { type: 'boolean', default: false },
        self: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(help)
      process.exit()
    }
    const size = values.small ? small : full
    const only = values.only?.split(',') ?? measurements
    const unknown = only.find((name) => !measurements.includes(name))
    if (unknown !== undefined) throw new Error(`There is no measurement ${unknown}.`)
    if (values.write && (values.only || values.small || values.self)) {
      throw new Error('--write is for a run in full: without --only, --small and --self.')
    }
    const rounds = positive('--rounds', values.rounds, size.rounds)
    const seconds = positive('--seconds', values.seconds, size.seconds)
    return { size: { ...size, rounds: Math.ceil(rounds), seconds }, only, self: values.self, write: values.write }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`)
    return process.exit(2)
  }
}

function positive(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const number = Number(text)
  if (!(number > 0 && number < 1000)) throw new Error(`${name} takes a number above 0, not ${text}.`)
  return number
}
