import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Database, sql, type Transaction } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { bearer, bodyErrors, emptyResponse, errors } from '../http/schemas.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'
import { movieKey, movieParams } from './movie.ts'

type Dependencies = { db: Database; signedIn: SignedIn }

export const deleteMovieRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const schema = {
    summary: 'Delete a movie',
    description: 'Only the account that added a movie can delete it.',
    tags: ['Movies'],
    security: bearer,
    params: movieParams,
    response: { 200: emptyResponse, ...errors('DeletingMovieError', 'InvalidSessionError', ...bodyErrors) },
  }
  app.delete('/api/movies/:id', { schema, onRequest: signedIn }, async (request) => {
    await deleteMovie(db, request.params.id, currentSession(request).accountId)
    return {}
  })
}

/** How many of an account's most recently deleted movies can be restored. */
export const maxDeletedMovies = 100

/**
 * Deletes a movie and frees its name. It can be restored for a minute, unless the account deletes a hundred more movies
 * or is deleted itself. Throws `DeletingMovieError` if the account did not add this movie.
 */
export async function deleteMovie(db: Database, id: string, accountId: string): Promise<void> {
  await db.transaction(async (tx) => {
    const rows = await tx.query(sql`
      with movie as (
        delete from movies
        where id = ${movieKey(id) ?? null} and added_by = ${accountId}
        returning id, name, casts, genres, year, notes, added_by, created_at, stored_bytes, version
      ), kept as (
        insert into deleted_movies (id, name, casts, genres, year, notes, added_by, created_at, stored_bytes, version)
        select movie.id, name, casts, genres, year, notes, added_by, movie.created_at, stored_bytes, version
        from movie join accounts on accounts.id = added_by
        for key share of accounts
      )
      select id from movie`)
    if (rows.length === 0) throw new AppError('DeletingMovieError')
    await tx.query(sql`
      delete from deleted_movies where id in (
        select id from deleted_movies where added_by = ${accountId}
        order by deleted_at desc offset ${maxDeletedMovies})`)
  })
}

/** Deletes the movies that an account added. In batches, because the database ends statements that take long. */
export async function deleteMoviesAddedBy(tx: Transaction, accountId: string): Promise<void> {
  let hasMore = true
  while (hasMore) {
    const deleted = await tx.query(sql`
      delete from movies where id in (select id from movies where added_by = ${accountId} limit ${batch}) returning id`)
    hasMore = deleted.length === batch
  }
}

const batch = 1000
