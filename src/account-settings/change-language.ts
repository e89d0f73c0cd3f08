import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { bearer, body, bodyErrors, errors, nothing } from '../http/schemas.ts'
import { languages } from '../i18n/languages.ts'
import type { RequireSession } from '../sessions/session.ts'

/** Null asks for the language of each request. */
export const languageField = Type.Union([Type.Enum(languages), Type.Null()], {
  description: 'Of pages and mails; `null` for what each request asks for',
})

export const changeLanguageRoute: FastifyPluginAsyncTypebox<{ db: Database; signedIn: RequireSession }> = async (
  app,
  { db, signedIn },
) => {
  const schema = {
    summary: 'Choose the language of pages and mails',
    tags: ['Accounts'],
    security: bearer,
    body: body({ language: languageField }),
    response: { 200: nothing, ...errors('InvalidSessionError', ...bodyErrors) },
  }
  app.put('/api/auth/language', { schema, onRequest: signedIn }, async (request) => {
    await changeLanguage(db, request.session.accountId, request.body.language)
    return {}
  })
}

export async function changeLanguage(db: Database, accountId: string, language: string | null): Promise<void> {
  await db.query(sql`update accounts set locale = ${language} where id = ${accountId}`)
}
