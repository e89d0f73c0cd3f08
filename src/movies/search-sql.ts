import { join, raw, type Sql, sql, type Transaction } from '../database/database.ts'
import type { Cursor } from './cursor.ts'
import { jsonColumns, type Movie, movieColumns } from './movie.ts'
import { escapeLike, likePattern, splitWords } from './words.ts'

export const sorts = ['match', 'added', '-added', 'name', '-name', 'year', '-year'] as const
export type Sort = (typeof sorts)[number]

/** A movie with its sort key. A movie that no longer fits on the page has empty `casts` and `genres`. */
export type Row = Movie & { key: string | number | null; isBeyondPage: boolean }

/** Which rows to read: after `start`, at most `limit`. */
export type PagePosition = { sort: Sort; start: Cursor | undefined; limit: number }

type Filters = { q?: string; genre?: string; cast?: string; year?: number; added_by?: string }

/**
 * Selects the unfiltered list, by id. The limit is a literal: with a parameter, PostgreSQL would plan the statement
 * every time.
 */
export function selectById(start: Cursor | undefined, limit: number): Sql {
  return limitBytes(
    sql`id`,
    sql`
    select ${movieColumns}, null as key
    from movies where id > ${start?.id ?? '0'} order by id limit ${raw(String(limit))}`,
  )
}

/** A movie as JSON, or null if it no longer fits on the page. */
export type JsonRow = { id: string; json: string | null }

/** Selects the unfiltered list, by id, as JSON. */
export function selectJsonById(start: Cursor | undefined, limit: number): Sql {
  return sql`
    select id, case when coalesce(
      sum(octet_length(json)) over (order by id rows between unbounded preceding and 1 preceding), 0) <= ${pageBytes}
      then json end as json
    from (
      select movies.id, row_to_json(movie)::text as json
      from movies, lateral (select ${jsonColumns}) movie
      where movies.id > ${start?.id ?? '0'} order by movies.id limit ${raw(String(limit))}
    ) page
    order by id`
}

/**
 * Folds the words and filters of a search in the same way as the text of movies, and turns the filters into conditions.
 * Makes PostgreSQL plan each search in this transaction for its values: an index finds rare words, and a scan in sort
 * order soon meets common ones.
 */
export async function foldSearch(tx: Transaction, { q = '', genre = '', cast = '', year, added_by }: Filters) {
  await tx.query(sql`select set_config('plan_cache_mode', 'force_custom_plan', true)`)
  const [folded] = await tx.query<{ q: string; genre: string; cast: string }>(sql`
    select folded(${q}) as q, folded(${genre}) as genre, folded(${cast}) as "cast"`)
  const conditions: Sql[] = []
  if (genre) conditions.push(sql`genre_lines like ${linePattern(folded?.genre)}`)
  if (cast) conditions.push(sql`search_lines like ${linePattern(folded?.cast)}`)
  if (year !== undefined) conditions.push(sql`${yearKey} = ${year}`)
  if (added_by) conditions.push(sql`added_by = ${added_by}`)
  return { words: splitWords(folded?.q ?? ''), conditions }
}

/** Matches a whole line: a genre, or a member of the cast. */
function linePattern(name = ''): string {
  return `%\n ${escapeLike(name)} \n%`
}

/**
 * Selects the movies that meet all conditions and contain all words. `match` puts movies whose name starts with the
 * words first.
 */
export async function selectPage(
  tx: Transaction,
  { conditions, words }: { conditions: Sql[]; words: string[] },
  { sort, start, limit }: PagePosition,
): Promise<Row[]> {
  const containing = [...conditions, ...words.map((word) => sql`search_lines like ${likePattern(word)}`)]
  if (sort !== 'match') return selectInOrder(tx, containing, { order: orders[sort], start, limit })
  const isPrefix = sql`${nameKey} like ${`${escapeLike(words.join(' '))}%`}`
  const isPastPrefixes = start?.key === null
  const first = isPastPrefixes
    ? []
    : await selectInOrder(tx, [...conditions, isPrefix], { order: orders.name, start, limit })
  if (first.length === limit) return first
  const rest = await selectInOrder(tx, [...containing, sql`not ${isPrefix}`], {
    order: orders.added,
    start: isPastPrefixes ? start : undefined,
    limit: limit - first.length,
  })
  return [...first, ...rest]
}

const nameKey = sql`(left(folded(name), 100) collate "C")`
const yearKey = sql`coalesce(year, 0)`

type Order = { key: Sql | undefined; isDescending: boolean }

const orders: Record<Exclude<Sort, 'match'>, Order> = {
  added: { key: undefined, isDescending: false },
  '-added': { key: undefined, isDescending: true },
  name: { key: nameKey, isDescending: false },
  '-name': { key: nameKey, isDescending: true },
  year: { key: yearKey, isDescending: false },
  '-year': { key: yearKey, isDescending: true },
}

function selectInOrder(
  tx: Transaction,
  conditions: Sql[],
  { order: { key, isDescending }, start, limit }: { order: Order; start: Cursor | undefined; limit: number },
): Promise<Row[]> {
  const direction = raw(isDescending ? 'desc' : 'asc')
  const after = raw(isDescending ? '<' : '>')
  const isAfter = (cursor: Cursor) =>
    key ? sql`(${key}, id) ${after} (${cursor.key}, ${cursor.id})` : sql`id ${after} ${cursor.id}`
  const all = [sql`true`, ...conditions, ...(start ? [isAfter(start)] : [])]
  return tx.query<Row>(
    limitBytes(
      key ? sql`key ${direction}, id ${direction}` : sql`id ${direction}`,
      sql`
    select ${movieColumns}, ${key ?? sql`null`} as key
    from movies
    where ${join(all, ' and ')}
    order by ${key ? sql`${key} ${direction}, id ${direction}` : sql`id ${direction}`}
    limit ${limit}`,
    ),
  )
}

/** A page ends early after this many bytes of text, because a single movie may have 46 kB. */
const pageBytes = 250_000

/** Empties `casts` and `genres` in the rows after the first `pageBytes` of text. */
function limitBytes(order: Sql, page: Sql): Sql {
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
