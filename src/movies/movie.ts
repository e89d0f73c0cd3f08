import { Type } from 'typebox'
import { type Sql, sql } from '../database/database.ts'
import { text } from '../http/schemas.ts'

export type Movie = {
  id: string
  name: string
  casts: string[]
  genres: string[]
  year: number | null
  added_by: string
}

/** A movie as one reads it by itself: a list carries no notes. */
export type WholeMovie = Movie & { notes: string | null }

/** What a person says of a movie. */
export type MovieFields = {
  name: string
  casts: string[]
  genres: string[]
  year?: number | null
  notes?: string | null
}

export const movieFields = {
  name: text({ minLength: 1, maxLength: 300 }),
  casts: Type.Array(text({ minLength: 1, maxLength: 200 }), { minItems: 1, maxItems: 200 }),
  genres: Type.Array(text({ minLength: 1, maxLength: 200 }), { minItems: 1, maxItems: 30 }),
}

export const yearField = Type.Union([Type.Integer({ minimum: 1800, maximum: 2200 }), Type.Null()], {
  description: 'Two movies may share a name when their years differ',
})

export const notesField = Type.Union([text({ maxLength: 2000 }), Type.Null()], {
  description: 'Whatever else is worth keeping, such as where the disc is',
})

/** The fields that one may leave out. */
export const optionalFields = { year: Type.Optional(yearField), notes: Type.Optional(notesField) }

const listedFields = {
  id: Type.String(),
  name: Type.String(),
  casts: Type.Array(Type.String()),
  genres: Type.Array(Type.String()),
  // Types beside each other, for a union would have the serializer try one after the other.
  year: Type.Unsafe<number | null>({ type: ['integer', 'null'] }),
  added_by: Type.String({ description: 'The id of the account that added the movie' }),
}

export const listedMovie = Type.Object(listedFields)

export const movieSchema = Type.Object(
  { ...listedFields, notes: Type.Unsafe<string | null>({ type: ['string', 'null'] }) },
  { $id: 'Movie', title: 'Movie' },
)

export const movieColumns: Sql = sql`id, name, casts, genres, year, added_by`

export const movieParams = Type.Object({ id: Type.String() })

/** The key of the row that a client's id names; undefined for an id that no movie can have. */
export function movieKey(id: string): string | undefined {
  return /^[1-9]\d{0,17}$/.test(id) ? id : undefined
}
