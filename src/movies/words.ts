/** The words of a search, or of a movie. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter(Boolean)
}

/** A pattern that finds the word in `search_lines`: anywhere, or, where it is short, at the beginning of a word. */
export function patternOf(word: string): string {
  return [...word].length < 3 ? `% ${literal(word)}%` : `%${literal(word)}%`
}

/** The text as a pattern that stands for nothing but itself. */
export function literal(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

/**
 * Where the words of `search_lines` end, for PostgreSQL: at spaces and punctuation. Not at `\W`, which is what joins the
 * letters of many scripts, too, such as the virama of Nepali.
 */
export const wordEnd = String.raw`[\s!-/:-@[-^\x60{-~\u00a0-\u00bf\u2000-\u206f\u3000-\u303f]+`
