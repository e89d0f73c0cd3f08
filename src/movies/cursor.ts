import { wrongField } from '../errors.ts'
import { movieKey } from './movie.ts'

/** Where a page ends: the id of its last movie and that movie's sort key, which is null if movies are sorted by id. */
export type Cursor = { key: string | number | null; id: string }

/** Encodes a cursor for the client. It includes the sort order, so that it is rejected for any other. */
export function encodeCursor(sort: string, { key, id }: Cursor): string {
  return Buffer.from(sort === 'added' ? id : JSON.stringify([sort, key, id])).toString('base64url')
}

/** Throws `SchemaValidationError` if the text is not a cursor for this sort order. */
export function decodeCursor(text: string, sort: string): Cursor {
  const decoded = Buffer.from(text, 'base64url').toString('utf8')
  const cursor = sort === 'added' ? { key: null, id: decoded } : parseCursor(decoded, sort)
  if (cursor && movieKey(cursor.id)) return cursor
  const detail = 'must come from the Link header of the previous page'
  throw wrongField({ field: 'after', detail, reason: 'not-a-page' })
}

function parseCursor(decoded: string, sort: string): Cursor | undefined {
  const [order, key, id, ...rest] = parseList(decoded)
  const isValid = order === sort && rest.length === 0 && typeof id === 'string' && isSortKey(sort, key)
  return isValid ? { key, id } : undefined
}

function parseList(json: string): unknown[] {
  try {
    const value: unknown = JSON.parse(json)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

function isSortKey(sort: string, key: unknown): key is string | number | null {
  if (sort.endsWith('year')) return Number.isInteger(key) && Math.abs(Number(key)) < 10_000
  const isName = typeof key === 'string' && key.isWellFormed() && !key.includes('\0')
  if (sort.endsWith('name')) return isName
  return key === null || (sort === 'match' && isName)
}
