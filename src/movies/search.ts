import type { Database, Transaction } from '../database/database.ts'
import { AppError, wrongField } from '../errors.ts'
import { limitConcurrency, limitPerCaller } from '../http/concurrency-limit.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import type { Movie } from './movie.ts'
import {
  foldSearch,
  type JsonRow,
  type PagePosition,
  type Row,
  type Sort,
  selectById,
  selectJsonById,
  selectPage,
} from './search-sql.ts'
import { correctTypos } from './typos.ts'
import { splitWords } from './words.ts'

export type MovieSearch = {
  q?: string
  genre?: string
  cast?: string
  year?: number
  added_by?: string
  sort?: Sort
  limit: number
  after?: string
}

/** `next` is the search for the following page, if there is one; `q` has the corrected words if typos were corrected. */
export type FoundMovies = { movies: Movie[]; next?: MovieSearch; q?: string }

/**
 * Returns one page of the movies that match. `caller` is the client's `rateLimitKey`. Throws `SchemaValidationError` if
 * `after`, `sort`, `q` or `added_by` is invalid, and `ServiceUnavailableError` if too many searches are waiting.
 */
export async function searchMovies(db: Database, search: MovieSearch, caller: string): Promise<FoundMovies> {
  const words = splitWords(search.q ?? '')
  limitWordCount(words)
  requireValidFilters(search, words)
  const sort = search.sort ?? (words.length > 0 ? 'match' : 'added')
  const start = search.after === undefined ? undefined : decodeCursor(search.after, sort)
  const position = { sort, start, limit: search.limit + 1 }
  const { q, genre, cast, year, added_by, sort: chosenSort } = search
  const isPlainList = [q, genre, cast, year, added_by, chosenSort].every((value) => value === undefined)
  if (isPlainList) return makePage(search, sort, await db.reads.query<Row>(selectById(start, position.limit)))
  return limitByCaller(caller, () =>
    limitForAll(() => db.transaction((tx) => searchCorrectingTypos(tx, search, position), { isPrepared: false })),
  )
}

/** Returns a page of the unfiltered list in the order in which movies were added, as JSON, and the search for the next. */
export async function listMoviesAsJson(
  db: Database,
  { limit, after }: Pick<MovieSearch, 'limit' | 'after'>,
): Promise<{ json: string; next?: MovieSearch }> {
  const start = after === undefined ? undefined : decodeCursor(after, 'added')
  const rows = await db.reads.query<JsonRow>(selectJsonById(start, limit + 1))
  const firstBeyond = rows.findIndex(({ json }) => json === null)
  const page = rows.slice(0, firstBeyond < 0 ? limit : Math.min(firstBeyond, limit))
  const json = `[${page.map((row) => row.json).join(',')}]`
  const last = page.at(-1)
  if (rows.length === page.length || !last) return { json }
  return { json, next: { limit, after: encodeCursor('added', { key: null, id: last.id }) } }
}

function limitWordCount(words: string[]): void {
  if (words.length <= 10) return
  throw wrongField({ field: 'q', detail: 'must have at most 10 words', reason: 'too-many-words', max: 10 })
}

function requireValidFilters({ sort, added_by }: MovieSearch, words: string[]): void {
  if (sort === 'match' && words.length === 0) {
    throw wrongField({ field: 'sort', detail: 'cannot be match without words in q', reason: 'needs-words' })
  }
  if (added_by !== undefined && !uuid.test(added_by)) {
    throw wrongField({ field: 'added_by', detail: 'must be the id of an account', reason: 'not-an-account' })
  }
}

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

const tooManySearches = 'Too many searches are waiting. Try again in a moment.'

/** Some searches are slow; the limit leaves database connections for other requests. */
const limitForAll = limitConcurrency(5, tooManySearches)

const limitByCaller = limitPerCaller({
  running: 1,
  waiting: 4,
  refuse: () => new AppError('ServiceUnavailableError', tooManySearches, { headers: { 'retry-after': '2' } }),
})

async function searchCorrectingTypos(
  tx: Transaction,
  search: MovieSearch,
  position: PagePosition,
): Promise<FoundMovies> {
  const { words, conditions } = await foldSearch(tx, search)
  // Folding may turn one word into several: it replaces each ½ with a space and 1/2.
  limitWordCount(words)
  const rows = await selectPage(tx, { conditions, words }, position)
  if (rows.length > 0 || position.start) return makePage(search, position.sort, rows)
  const corrected = await correctTypos(tx, words)
  if (!corrected) return { movies: [] }
  const q = corrected.join(' ')
  const correctedRows = await selectPage(tx, { conditions, words: corrected }, position)
  return { ...makePage({ ...search, q }, position.sort, correctedRows), q }
}

/** Makes a page of rows. One row more than the limit means that there is another page. */
function makePage(search: MovieSearch, sort: Sort, rows: Row[]): FoundMovies {
  const firstBeyond = rows.findIndex(({ isBeyondPage }) => isBeyondPage)
  const size = firstBeyond < 0 ? search.limit : Math.min(firstBeyond, search.limit)
  const movies = rows.slice(0, size).map(({ key: _, isBeyondPage: __, ...movie }) => movie)
  const last = rows[size - 1]
  if (rows.length <= size || !last) return { movies }
  return { movies, next: { ...search, after: encodeCursor(sort, { key: last.key, id: last.id }) } }
}
