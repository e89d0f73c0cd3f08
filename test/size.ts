/**
 * How much of something a test does: little in the suite, more where its own script (`npm run fuzz -- 50000`) says so.
 * `test/run.ts` hands the number on.
 */
export function sizeOf(what: string, inSuite: number): number {
  const given = process.env['TEST_SIZE']
  if (given === undefined) return inSuite
  process.stdout.write(`${given} ${what}\n`)
  return Number(given)
}

/** The seed with which a failure is to be replayed; undefined draws another one each time. */
export function seedToReplay(): number | undefined {
  const given = process.env['TEST_SEED']
  return given === undefined ? undefined : Number(given)
}
