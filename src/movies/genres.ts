import { type Database, sql } from '../database/database.ts'

/**
 * Lists the genres of the newest movies, most frequent first. The cost does not depend on the size of the collection.
 */
export async function listGenres(db: Database): Promise<string[]> {
  const genres = await db.query<{ genre: string }>(sql`
    select genre
    from (select genres from movies order by id desc limit 500) newest, unnest(genres) genre
    group by genre
    order by count(*) desc, genre
    limit 30`)
  return genres.map(({ genre }) => genre)
}
