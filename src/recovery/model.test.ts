import { after, test } from 'node:test'
import fc from 'fast-check'
import { startFaultySmtp } from '../../test/faulty-smtp.ts'
import { anyCommand } from '../../test/model/commands.ts'
import type { Model } from '../../test/model/model.ts'
import {
  everythingIsAsTheModelSays,
  newPattern,
  newPerson,
  passwordsAreAsTheModelSays,
  type Real,
  refuseAsTold,
} from '../../test/model/real.ts'
import { startMovieBag } from '../../test/movie-bag.ts'
import { seedToReplay, sizeOf } from '../../test/size.ts'

// `npm run model` makes it 2,000 runs, or as many as it is told. Several go on side by side, each with people of its own.
const runs = sizeOf('runs', 100)
const atOnce = Math.min(12, runs)

const smtp = await startFaultySmtp()
const bag = await startMovieBag({}, smtp)
const refusals = new Map<string, string>()
refuseAsTold(smtp, refusals)
const patterns = [await newPattern(bag, 'ada'), await newPattern(bag, 'grace')]
after(async () => {
  await bag.stop()
  await smtp.stop()
})

// On a busy machine, and in full, it takes its time; whatever hangs is noticed by each wait of its own.
const timeout = 3_600_000

test('in every order of actions the owner keeps the account, and links do what they were mailed for', {
  timeout,
}, async () => {
  const given = seedToReplay()
  const seed = given ?? Math.trunc(Math.random() * 2 ** 30)
  const seeds = Array.from({ length: given === undefined ? atOnce : 1 }, (_, lane) => seed + lane)
  const outcomes = await Promise.allSettled(seeds.map((one) => assertModel(one, Math.ceil(runs / atOnce))))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
})

let domains = 0

async function assertModel(seed: number, numRuns: number): Promise<void> {
  // Few steps find most, and are soon done; some faults take many.
  const maxCommands = seed % 6 === 0 ? 40 : 14
  const commands = fc.commands(anyCommand(), { maxCommands, size: 'max' })
  const property = fc.asyncProperty(commands, async (commands) => {
    domains += 1
    const real: Real = { bag, domain: `run${domains}.example.org`, told: 0, refusals, seen: new Map() }
    const people = await Promise.all(patterns.map((pattern) => newPerson(real, pattern)))
    const model: Model = { people, links: [], mails: 0, clock: 0, expected: [], told: new Set() }
    await fc.asyncModelRun(() => ({ model, real }), commands)
    await everythingIsAsTheModelSays(model, real, true)
    await passwordsAreAsTheModelSays(model, real)
  })
  await fc.assert(property, { numRuns, seed, endOnFailure: seedToReplay() === undefined }).catch((error) => {
    throw new Error(`Replay it, and make it short, with: npm run model -- ${runs} seed=${seed}`, { cause: error })
  })
}
