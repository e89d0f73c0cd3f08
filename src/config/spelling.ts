/** The word that somebody may have meant: the one that takes the fewest edits, where these are few for its length. */
export function closestMatch(word: string, words: readonly string[]): string | undefined {
  const few = (candidate: string) => Math.max(2, candidate.length / 4)
  const [best] = words
    .filter((candidate) => Math.abs(candidate.length - word.length) <= few(candidate))
    .map((candidate) => ({ candidate, edits: edits(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= few(candidate))
    .sort((one, other) => one.edits - other.edits)
  return best?.candidate
}

/** How many letters must be added, left out or replaced (Levenshtein 1966). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const letter of from) {
    const [first = 0] = row
    const next = [first + 1]
    for (const [index, other] of [...to].entries()) {
      const replaced = (row[index] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
