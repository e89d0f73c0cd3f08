import { sql, type Transaction } from '../database/database.ts'
import { patternOf, wordEnd } from './words.ts'

/** To look for what is near costs more than all the rest of a search, and who types that many wrong means something else. */
const mostSlips = 3

/**
 * The words that were probably meant, where no movie has these: those nearest to them that some movie does have.
 * Undefined where there is nothing to forgive, or a word that nothing comes near to.
 */
export async function correctTypos(tx: Transaction, words: string[]): Promise<string[] | undefined> {
  const meant: string[] = []
  let slips = 0
  for (const word of words) {
    const isSlip = !(await isKnown(tx, word))
    if (isSlip) slips += 1
    const probably = isSlip && slips <= mostSlips ? await nearest(tx, word) : word
    if (probably === undefined || slips > mostSlips) return undefined
    meant.push(probably)
  }
  return slips > 0 ? meant : undefined
}

async function isKnown(tx: Transaction, word: string): Promise<boolean> {
  const found = await tx.query(
    sql`select id from movies where search_lines like ${patternOf(word)} order by id limit 1`,
  )
  return found.length > 0
}

async function nearest(tx: Transaction, word: string): Promise<string | undefined> {
  const { length } = word
  // PostgreSQL compares at most 255 letters, and what was typed may be longer once it is folded: ﬃ is three letters.
  if (length < 3 || length > 255) return undefined
  // Two letters that changed places leave too little of a shorter word for its trigrams to be recognised.
  if (length <= 8) for (const swap of swaps(word)) if (await isKnown(tx, swap)) return swap
  await tx.query(sql`select set_config('pg_trgm.word_similarity_threshold', '0.4', true)`)
  const [near] = await tx.query<{ word: string }>(sql`
    select word
    from (
      select search_lines from movies
      where ${word} <% search_lines
      order by word_similarity(${word}, search_lines) desc
      limit 50
    ) near_ones, regexp_split_to_table(search_lines, ${wordEnd}) word
    where levenshtein(left(word, 255), ${word}) <= ${Math.min(3, Math.floor(length / 2))}
    order by levenshtein(left(word, 255), ${word}), similarity(word, ${word}) desc, word
    limit 1`)
  return near?.word
}

function swaps(word: string): string[] {
  const letters = [...word]
  return letters
    .slice(1)
    .map((letter, index) => [...letters.slice(0, index), letter, letters[index], ...letters.slice(index + 2)].join(''))
}
