/** Splits a search, or the text of a movie, into its words. */
export function splitWords(text: string): string[] {
  return text.split(/\s+/).filter(Boolean)
}

/** Returns a LIKE pattern that finds a word in `search_lines`: anywhere, or, if it is short, at the start of a word. */
export function likePattern(word: string): string {
  return [...word].length < 3 ? `% ${escapeLike(word)}%` : `%${escapeLike(word)}%`
}

/** Escapes the wildcards of LIKE. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

/**
 * A regular expression for PostgreSQL that matches where a word of `search_lines` ends: at white space and punctuation.
 * `\W` would not do: it also matches characters that join letters in many scripts, such as the virama in Nepali.
 */
export const wordEnd = String.raw`[\s!-/:-@[-^\x60{-~\u00a0-\u00bf\u2000-\u206f\u3000-\u303f]+`
