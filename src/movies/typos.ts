import { sql, type Transaction } from '../database/database.ts'
import { likePattern, wordEnd } from './words.ts'

/**
 * Finding the nearest word costs more than the rest of a search, and a search with more unknown words is probably not
 * just mistyped.
 */
const maxTypos = 3

/**
 * Replaces each word that no movie contains with the nearest word that some movie contains. Returns undefined if no
 * word, or too many words, need correction, or if no word is close enough.
 */
export async function correctTypos(tx: Transaction, words: string[]): Promise<string[] | undefined> {
  const corrected: string[] = []
  let typos = 0
  for (const word of words) {
    if (await isKnownWord(tx, word)) {
      corrected.push(word)
      continue
    }
    typos += 1
    const nearest = typos <= maxTypos ? await findNearestWord(tx, word) : undefined
    if (nearest === undefined) return undefined
    corrected.push(nearest)
  }
  return typos > 0 ? corrected : undefined
}

async function isKnownWord(tx: Transaction, word: string): Promise<boolean> {
  const found = await tx.query(
    sql`select id from movies where search_lines like ${likePattern(word)} order by id limit 1`,
  )
  return found.length > 0
}

async function findNearestWord(tx: Transaction, word: string): Promise<string | undefined> {
  const { length } = word
  // PostgreSQL compares at most 255 letters, and folding may lengthen what was typed: ﬃ becomes three letters.
  if (length < 3 || length > 255) return undefined
  // A short word with two letters swapped shares too few trigrams with the intended one.
  if (length <= 8) {
    for (const swapped of swapNeighbours(word)) if (await isKnownWord(tx, swapped)) return swapped
  }
  await tx.query(sql`select set_config('pg_trgm.word_similarity_threshold', '0.4', true)`)
  const [nearest] = await tx.query<{ word: string }>(sql`
    select word
    from (
      select search_lines from movies
      where ${word} <% search_lines
      order by word_similarity(${word}, search_lines) desc
      limit 50
    ) candidates, regexp_split_to_table(search_lines, ${wordEnd}) word
    where levenshtein(left(word, 255), ${word}) <= ${Math.min(3, Math.floor(length / 2))}
    order by levenshtein(left(word, 255), ${word}), similarity(word, ${word}) desc, word
    limit 1`)
  return nearest?.word
}

/** Returns the word with each pair of neighbouring letters swapped. */
function swapNeighbours(word: string): string[] {
  const letters = [...word]
  return letters
    .slice(1)
    .map((letter, index) => [...letters.slice(0, index), letter, letters[index], ...letters.slice(index + 2)].join(''))
}
