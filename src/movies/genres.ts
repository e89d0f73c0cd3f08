import { LRUCache } from 'lru-cache'
import { type Database, sql } from '../database/database.ts'

/** Lists the genres of the newest movies, most frequent first, as they were at most a minute ago. */
export function cachedGenres(db: Database): () => Promise<string[]> {
  const cache = new LRUCache<'genres', string[]>({ max: 1, ttl: 60_000, fetchMethod: () => listGenres(db) })
  return async () => (await cache.fetch('genres')) ?? []
}

/** The cost does not depend on the size of the collection. */
async function listGenres(db: Database): Promise<string[]> {
  const genres = await db.query<{ genre: string }>(sql`
    select genre
    from (select genres from movies order by id desc limit 500) newest, unnest(genres) genre
    group by genre
    order by count(*) desc, genre
    limit 30`)
  return genres.map(({ genre }) => genre)
}
