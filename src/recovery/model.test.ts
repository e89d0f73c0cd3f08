import { after, test } from 'node:test'
import fc from 'fast-check'
import { startFaultySmtp } from '../../test/faulty-smtp.ts'
import { anyCommand } from '../../test/model/commands.ts'
import type { Model } from '../../test/model/model.ts'
import {
  assertMatchesModel,
  assertPasswordsMatch,
  newPattern,
  newPerson,
  type Real,
  refuseMails,
} from '../../test/model/real.ts'
import { startMovieBag } from '../../test/movie-bag.ts'
import { seedToReplay, sizeOf } from '../../test/size.ts'

// `npm run model` makes it 2,000 runs, or any number. Several run concurrently, each with its own people.
const runs = sizeOf('runs', 60)
const lanes = Math.min(12, runs)

const smtp = await startFaultySmtp()
const bag = await startMovieBag({}, smtp)
const refusals = new Map<string, string>()
refuseMails(smtp, refusals)
const patterns = [await newPattern(bag, 'ada'), await newPattern(bag, 'grace')]
after(async () => {
  await bag.stop()
  await smtp.stop()
})

// A long run takes its time; each wait has its own timeout, so nothing hangs.
const timeout = 3_600_000

test('in every order of actions the owner keeps the account, and links do what they were mailed for', {
  timeout,
}, async () => {
  const given = seedToReplay()
  const seed = given ?? Math.trunc(Math.random() * 2 ** 30)
  const seeds = Array.from({ length: given === undefined ? lanes : 1 }, (_, lane) => seed + lane)
  const outcomes = await Promise.allSettled(seeds.map((one) => assertModel(one, Math.ceil(runs / lanes))))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
})

let domains = 0

async function assertModel(seed: number, numRuns: number): Promise<void> {
  // Short runs find most faults quickly; a few faults need long ones.
  const maxCommands = seed % 6 === 0 ? 40 : 14
  const commands = fc.commands(anyCommand(), { maxCommands, size: 'max' })
  const property = fc.asyncProperty(commands, async (commands) => {
    domains += 1
    const real: Real = { bag, domain: `run${domains}.example.org`, comparedMails: 0, refusals, seen: new Map() }
    const people = await Promise.all(patterns.map((pattern) => newPerson(real, pattern)))
    const model: Model = { people, links: [], mails: 0, clock: 0, expected: [], reminded: new Set() }
    await fc.asyncModelRun(() => ({ model, real }), commands)
    await assertMatchesModel(model, real, true)
    await assertPasswordsMatch(model, real)
  })
  await fc.assert(property, { numRuns, seed, endOnFailure: seedToReplay() === undefined }).catch((error) => {
    throw new Error(`Replay it, and make it short, with: npm run model -- ${runs} seed=${seed}`, { cause: error })
  })
}
