import { type Database, isUniqueViolation, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { movieKey } from './movie.ts'

/** The name of a movie that the account deleted within the last minute. */
export async function findDeletedName(db: Database, id: string, accountId: string): Promise<string | undefined> {
  const [movie] = await db.query<{ name: string }>(sql`
    select name from deleted_movies
    where id = ${movieKey(id) ?? null} and added_by = ${accountId} and deleted_at > now() - interval '1 minute'`)
  return movie?.name
}

/**
 * Puts a movie that the account deleted within the last minute back where it was. Throws `MovieNotExistsError` where
 * there is none, and `MovieAlreadyExistsError` where another has taken its name meanwhile.
 */
export async function restoreMovie(db: Database, id: string, accountId: string): Promise<void> {
  try {
    const rows = await db.query(sql`
      with movie as (
        delete from deleted_movies
        where id = ${movieKey(id) ?? null} and added_by = ${accountId} and deleted_at > now() - interval '1 minute'
        returning id, name, casts, genres, year, notes, added_by, created_at
      )
      insert into movies (id, name, casts, genres, year, notes, added_by, created_at)
      overriding system value
      select id, name, casts, genres, year, notes, added_by, created_at from movie
      returning id`)
    if (rows.length === 0) throw new AppError('MovieNotExistsError')
  } catch (error) {
    throw isUniqueViolation(error) ? new AppError('MovieAlreadyExistsError') : error
  }
}
