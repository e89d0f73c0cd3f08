import { type Database, isUniqueViolation, type Sql, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { movieKey } from './movie.ts'

/** Selects the movies that can still be restored. */
const isRestorable: Sql = sql`deleted_at > now() - interval '1 minute'`

/** Returns the name of a movie that the account can still restore, or undefined. */
export async function findDeletedName(db: Database, id: string, accountId: string): Promise<string | undefined> {
  const [movie] = await db.query<{ name: string }>(sql`
    select name from deleted_movies
    where id = ${movieKey(id) ?? null} and added_by = ${accountId} and ${isRestorable}`)
  return movie?.name
}

/**
 * Restores a movie that the account deleted within the last minute. Throws `MovieNotExistsError` if there is none, or
 * `MovieAlreadyExistsError` if another movie now has its name and year.
 */
export async function restoreMovie(db: Database, id: string, accountId: string): Promise<void> {
  try {
    const rows = await db.query(sql`
      with movie as (
        delete from deleted_movies
        where id = ${movieKey(id) ?? null} and added_by = ${accountId} and ${isRestorable}
        returning id, name, casts, genres, year, notes, added_by, created_at, stored_bytes, version
      )
      insert into movies (id, name, casts, genres, year, notes, added_by, created_at, stored_bytes, version)
      overriding system value
      select id, name, casts, genres, year, notes, added_by, created_at, stored_bytes, version from movie
      returning id`)
    if (rows.length === 0) throw new AppError('MovieNotExistsError')
  } catch (error) {
    throw isUniqueViolation(error) ? new AppError('MovieAlreadyExistsError') : error
  }
}
