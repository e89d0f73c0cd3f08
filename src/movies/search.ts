import { type Database, join, raw, type Sql, sql, type Transaction } from '../database/database.ts'
import { AppError, wrongField } from '../errors.ts'
import { limitConcurrency, limitPerCaller } from '../http/concurrency-limit.ts'
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
 * Returns one page of the movies that match. `caller` is who asks, as `rateLimitKey` names them. Throws
 * `SchemaValidationError` if `after`, `sort`, `q` or `added_by` makes no sense, and `ServiceUnavailableError` if too many
 * searches wait.
 */
export async function searchMovies(db: Database, search: MovieSearch, caller: string): Promise<FoundMovies> {
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
  if (isPlain) return cut(search, sort, await listByIdAfter(db, start, limit + 1))
  return callerInTurn(caller, () => searchInTurn(() => db.transaction((tx) => narrowed(tx, search, { sort, start }))))
}

function requireFewWords(words: string[]): void {
  if (words.length <= 10) return
  throw wrongField({ field: 'q', detail: 'must have at most 10 words', reason: 'too-many-words', max: 10 })
}

const tooManySearches = 'Too many searches are waiting. Try again in a moment.'

/** Some searches take long: they leave connections of the database to other requests. */
const searchInTurn = limitConcurrency(5, tooManySearches)

/** One search of a caller at a time, so that nobody's searches fill the queue of all. */
const callerInTurn = limitPerCaller({
  running: 1,
  waiting: 4,
  refuse: () => new AppError('ServiceUnavailableError', tooManySearches, { headers: { 'retry-after': '2' } }),
})

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/** A movie, or only its place in the order if the movies before it fill the page. */
type Row = Movie & { key: string | number | null; isBeyondPage: boolean }
type Place = { sort: Sort; start: Cursor | undefined }

/** The limit is written into the statement: with a parameter in its place PostgreSQL would plan it each time. */
function listByIdAfter(db: Database, start: Cursor | undefined, most: number): Promise<Row[]> {
  return db.query<Row>(
    boundInBytes(
      sql`id`,
      sql`
    select ${movieColumns}, null as key
    from movies where id > ${start?.id ?? '0'} order by id limit ${raw(String(most))}`,
    ),
  )
}

/** A page ends early after this much text, and `Link` goes on from there: a movie may have 46 kB. */
const pageBytes = 500_000

/** Leaves out of a page's rows what comes after `pageBytes`, except its place in the order. */
function boundInBytes(order: Sql, page: Sql): Sql {
  return sql`
    select id, name, year, added_by, key, is_beyond as "isBeyondPage",
      case when is_beyond then '{}' else casts end as casts, case when is_beyond then '{}' else genres end as genres
    from (
      select *, coalesce(sum(octet_length(array_to_string(casts, '')) + octet_length(array_to_string(genres, ''))) over (
        order by ${order} rows between unbounded preceding and 1 preceding), 0) > ${pageBytes} as is_beyond
      from (${page}) as page
    ) as measured
    order by ${order}`
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
  return tx.query<Row>(
    boundInBytes(
      key ? sql`key ${way}, id ${way}` : sql`id ${way}`,
      sql`
    select ${movieColumns}, ${key ?? sql`null`} as key
    from movies
    where ${join(all, ' and ')}
    order by ${order}
    limit ${most}`,
    ),
  )
}

/** Makes a page of rows, of which there is one more than the limit if there is another page. */
function cut(search: MovieSearch, sort: Sort, rows: Row[]): FoundMovies {
  const firstBeyond = rows.findIndex(({ isBeyondPage }) => isBeyondPage)
  const size = firstBeyond < 0 ? search.limit : Math.min(firstBeyond, search.limit)
  const movies = rows.slice(0, size).map(({ key: _, isBeyondPage: __, ...movie }) => movie)
  const last = rows[size - 1]
  if (rows.length <= size || !last) return { movies }
  return { movies, next: { ...search, after: encodeCursor(sort, { key: last.key, id: last.id }) } }
}
