/** A fault planted by hand in one place of the code, its SQL or its texts, and the tests that must notice it. */
export type Mutant = { file: string; find: string; replace: string; tests: string[] }

/** The text with the fault in it. Throws where the place is not there exactly once. */
export function plant(text: string, { file, find, replace }: Mutant): string {
  const times = text.split(find).length - 1
  if (times !== 1) throw new Error(`${file} has ${times} times instead of once: ${find}`)
  return text.replace(find, () => replace)
}

/** Names a fault in one line. */
export function inWords({ file, find, replace }: Mutant): string {
  const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim()
  return `${file}: ${oneLine(find)} → ${oneLine(replace) || '(nothing)'}`
}
