/** Returns how much of something a test does: little in the suite, more in its own script (`npm run fuzz -- 50000`). */
export function sizeOf(what: string, inSuite: number): number {
  const given = process.env['TEST_SIZE']
  if (given === undefined) return inSuite
  process.stdout.write(`${given} ${what}\n`)
  return Number(given)
}

/** Returns the seed of a failure to replay, or undefined to draw a new one. */
export function seedToReplay(): number | undefined {
  const given = process.env['TEST_SEED']
  return given === undefined ? undefined : Number(given)
}
