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
