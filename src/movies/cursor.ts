import { wrongField } from '../errors.ts'
import { movieKey } from './movie.ts'

/** Where in an order a page ends: at the movie, and at what it is ordered by, if that is more than its arrival. */
export type Cursor = { key: string | number | null; id: string }

/** The cursor as a client carries it. It holds the order, so that it is not taken for a place in another one. */
export function encodeCursor(sort: string, { key, id }: Cursor): string {
  return Buffer.from(sort === 'added' ? id : JSON.stringify([sort, key, id])).toString('base64url')
}

/** Throws `SchemaValidationError` where this is no cursor of that order. */
export function decodeCursor(text: string, sort: string): Cursor {
  const written = Buffer.from(text, 'base64url').toString('utf8')
  const cursor = sort === 'added' ? { key: null, id: written } : parsed(written, sort)
  if (cursor && movieKey(cursor.id)) return cursor
  const detail = 'must come from the Link header of the page before'
  throw wrongField({ field: 'after', detail, reason: 'not-a-page' })
}

function parsed(written: string, sort: string): Cursor | undefined {
  const [order, key, id, ...others] = listIn(written)
  const isOurs = order === sort && others.length === 0 && typeof id === 'string' && isKeyOf(sort, key)
  return isOurs ? { key, id } : undefined
}

function listIn(written: string): unknown[] {
  try {
    const value: unknown = JSON.parse(written)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

function isKeyOf(sort: string, key: unknown): key is string | number | null {
  if (sort.endsWith('year')) return Number.isInteger(key) && Math.abs(Number(key)) < 10_000
  const isName = typeof key === 'string' && key.isWellFormed() && !key.includes('\0')
  if (sort.endsWith('name')) return isName
  return key === null || (sort === 'match' && isName)
}
