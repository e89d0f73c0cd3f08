import { distance } from 'fastest-levenshtein'

/** Returns the word that was probably meant: the one with the fewest edits, if they are few for its length. */
export function closestMatch(word: string, words: readonly string[]): string | undefined {
  const [best] = words
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.max(2, candidate.length / 4))
    .sort((a, b) => a.edits - b.edits)
  return best?.candidate
}
