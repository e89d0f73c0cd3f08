import { type Database, join, raw, type Sql, sql, type Transaction } from '../database/database.ts'
import { wrongField } from '../errors.ts'
import { limitConcurrency } from '../http/concurrency-limit.ts'
import { type Cursor, decodeCursor, encodeCursor } from './cursor.ts'
import { type Movie, movieColumns } from './movie.ts'
import { correctTypos } from './typos.ts'
import { literal, patternOf, wordsOf } from './words.ts'

export const sorts = ['match', 'added', '-added', 'name', '-name', 'year', '-year'] as const
export type Sort = (typeof sorts)[number]

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

/** `next` asks for the following page, where there is one; `q` is what was looked for where slips were forgiven. */
export type FoundMovies = { movies: Movie[]; next?: MovieSearch; q?: string }

/**
 * One page of the movies that are searched for. Throws `SchemaValidationError` where `after`, `sort`, `q` or `added_by`
 * makes no sense.
 */
export async function searchMovies(db: Database, search: MovieSearch): Promise<FoundMovies> {
  const words = wordsOf(search.q ?? '')
  requireFewWords(words)
  if (search.sort === 'match' && words.length === 0) {
    throw wrongField({ field: 'sort', detail: 'is match, which needs words in q', reason: 'needs-words' })
  }
  if (search.added_by !== undefined && !uuid.test(search.added_by)) {
    throw wrongField({ field: 'added_by', detail: 'must be the id of an account', reason: 'not-an-account' })
  }
  const sort = search.sort ?? (words.length > 0 ? 'match' : 'added')
  const start = search.after === undefined ? undefined : decodeCursor(search.after, sort)
  const { q, genre, cast, year, added_by, sort: wanted, limit } = search
  const isPlain = [q, genre, cast, year, added_by, wanted].every((value) => value === undefined)
  if (isPlain) return page(search, sort, await listByIdAfter(db, start, limit + 1))
  return searchInTurn(() => db.transaction((tx) => narrowed(tx, search, { sort, start })))
}

function requireFewWords(words: string[]): void {
  if (words.length <= 10) return
  throw wrongField({ field: 'q', detail: 'must have at most 10 words', reason: 'too-many-words', max: 10 })
}

/** Anybody may search, and some searches take long: they leave connections to whoever logs in meanwhile. */
const searchInTurn = limitConcurrency(5, 'Too many are searching. Try again in a moment.')

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

type Row = Movie & { key?: string | number | null }
type Place = { sort: Sort; start: Cursor | undefined }

/** The limit is written into the statement: with a parameter in its place PostgreSQL would plan each time anew. */
function listByIdAfter(db: Database, start: Cursor | undefined, most: number): Promise<Row[]> {
  return db.query<Row>(sql`
    select ${movieColumns} from movies where id > ${start?.id ?? '0'} order by id limit ${raw(String(most))}`)
}

async function narrowed(tx: Transaction, search: MovieSearch, place: Place): Promise<FoundMovies> {
  const { words, filters } = await conditionsOf(tx, search)
  // One word may be many once it is folded: each ½ is 1/2 after a space.
  requireFewWords(words)
  const rows = await pageOf(tx, filters, words, place, search.limit + 1)
  if (rows.length > 0 || place.start) return cut(search, place.sort, rows)
  const forgiven = await correctTypos(tx, words)
  if (!forgiven) return cut(search, place.sort, rows)
  const q = forgiven.join(' ')
  return { ...cut({ ...search, q }, place.sort, await pageOf(tx, filters, forgiven, place, search.limit + 1)), q }
}

/**
 * Which way is short depends on how many movies a word or genre has, so every search is planned by its values: what is
 * rare is looked up, what is common is met soon on the way through the order that was asked for.
 */
async function conditionsOf(tx: Transaction, { q = '', genre = '', cast = '', year, added_by }: MovieSearch) {
  const [folded] = await tx.query<{ q: string; genre: string; cast: string }>(sql`
    select folded(${q}) as q, folded(${genre}) as genre, folded(${cast}) as "cast",
      set_config('plan_cache_mode', 'force_custom_plan', true)`)
  const filters: Sql[] = []
  if (genre) filters.push(sql`genre_lines like ${lineOf(folded?.genre)}`)
  if (cast) filters.push(sql`search_lines like ${lineOf(folded?.cast)}`)
  if (year !== undefined) filters.push(sql`${yearKey} = ${year}`)
  if (added_by) filters.push(sql`added_by = ${added_by}`)
  return { words: wordsOf(folded?.q ?? ''), filters }
}

function lineOf(name = ''): string {
  return `%\n ${literal(name)} \n%`
}

const nameKey = sql`(left(folded(name), 100) collate "C")`
const yearKey = sql`coalesce(year, 0)`

type Order = { key: Sql | undefined; isDown: boolean }

const orders: Record<Exclude<Sort, 'match'>, Order> = {
  added: { key: undefined, isDown: false },
  '-added': { key: undefined, isDown: true },
  name: { key: nameKey, isDown: false },
  '-name': { key: nameKey, isDown: true },
  year: { key: yearKey, isDown: false },
  '-year': { key: yearKey, isDown: true },
}

async function pageOf(tx: Transaction, filters: Sql[], words: string[], { sort, start }: Place, most: number) {
  const containing = [...filters, ...words.map((word) => sql`search_lines like ${patternOf(word)}`)]
  if (sort !== 'match') return inOrder(tx, containing, orders[sort], start, most)
  const beginsSo = sql`${nameKey} like ${`${literal(words.join(' '))}%`}`
  const isPastThese = start?.key === null
  const first = isPastThese ? [] : await inOrder(tx, [...filters, beginsSo], orders.name, start, most)
  if (first.length === most) return first
  const others = [...containing, sql`not ${beginsSo}`]
  return [...first, ...(await inOrder(tx, others, orders.added, isPastThese ? start : undefined, most - first.length))]
}

function inOrder(tx: Transaction, conditions: Sql[], { key, isDown }: Order, start: Cursor | undefined, most: number) {
  const way = raw(isDown ? 'desc' : 'asc')
  const beyond = raw(isDown ? '<' : '>')
  const order = key ? sql`${key} ${way}, id ${way}` : sql`id ${way}`
  const isBeyond = (from: Cursor) =>
    key ? sql`(${key}, id) ${beyond} (${from.key}, ${from.id})` : sql`id ${beyond} ${from.id}`
  const all = [sql`true`, ...conditions, ...(start ? [isBeyond(start)] : [])]
  return tx.query<Row>(sql`
    select ${movieColumns}, ${key ?? sql`null`} as key
    from movies
    where ${join(all, ' and ')}
    order by ${order}
    limit ${most}`)
}

/** A page without the keys by which it was put in order. */
function cut(search: MovieSearch, sort: Sort, rows: Row[]): FoundMovies {
  const { movies, ...more } = page(search, sort, rows)
  return { movies: movies.map(({ key: _, ...movie }) => movie), ...more }
}

/** Leaves away the movie too many that told that there are more. */
function page(search: MovieSearch, sort: Sort, rows: Row[]): { movies: Row[]; next?: MovieSearch } {
  const movies = rows.slice(0, search.limit)
  const last = rows[search.limit - 1]
  if (rows.length <= search.limit || !last) return { movies }
  return { movies, next: { ...search, after: encodeCursor(sort, { key: last.key ?? null, id: last.id }) } }
}
