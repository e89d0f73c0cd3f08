import { type Static, Type } from 'typebox'
import { type Sql, sql } from '../database/database.ts'
import { line, lines, strictObject } from '../http/schemas.ts'

export const movieFields = {
  name: line({ maxLength: 300 }),
  casts: Type.Array(line({ maxLength: 200 }), { minItems: 1, maxItems: 200 }),
  genres: Type.Array(line({ maxLength: 200 }), { minItems: 1, maxItems: 30 }),
}

export const yearField = Type.Union([Type.Integer({ minimum: 1800, maximum: 2200 }), Type.Null()], {
  description: 'Two movies may share a name if their years differ',
})

export const notesField = Type.Union([lines({ maxLength: 2000 }), Type.Null()], {
  description: 'Anything else worth noting, such as where the disc is',
})

export const newMovie = strictObject({
  ...movieFields,
  year: Type.Optional(yearField),
  notes: Type.Optional(notesField),
})

/** The fields that a user enters for a movie. */
export type MovieFields = Static<typeof newMovie>

const listedFields = {
  id: Type.String(),
  name: Type.String(),
  casts: Type.Array(Type.String()),
  genres: Type.Array(Type.String()),
  // A list of types and not a union, because the serializer would try the members of a union one by one.
  year: Type.Unsafe<number | null>({ type: ['integer', 'null'] }),
  added_by: Type.String({ description: 'The id of the account that added the movie' }),
}

/** A movie in a list, without its notes. */
export const listedMovie = Type.Object(listedFields)

export type Movie = Static<typeof listedMovie>

/** A single movie, with its notes. */
export const movieSchema = Type.Object(
  { ...listedFields, notes: Type.Unsafe<string | null>({ type: ['string', 'null'] }) },
  { $id: 'Movie', title: 'Movie' },
)

export type WholeMovie = Static<typeof movieSchema>

export const movieColumns: Sql = sql`id, name, casts, genres, year, added_by`

/** The same as the fields of a movie in JSON: ids are text. */
export const jsonColumns: Sql = sql`id::text as id, name, casts, genres, year, added_by`

/**
 * Computes from the other columns what a movie takes on disk, in bytes. That is 10 to 18 times its text, mostly in the search
 * index, unless it repeats itself (measured with names of random letters and digits, in Latin and Cyrillic).
 */
export const storedBytes: Sql = sql`(200 + 18 * (octet_length(name) + octet_length(array_to_string(casts, ''))
  + octet_length(array_to_string(genres, '')) + coalesce(octet_length(notes), 0)))`

export const movieParams = Type.Object({ id: Type.String() })

/** Returns an id sent by a client as a primary key, or undefined if no movie can have that id. */
export function movieKey(id: string): string | undefined {
  return /^[1-9]\d{0,17}$/.test(id) ? id : undefined
}
