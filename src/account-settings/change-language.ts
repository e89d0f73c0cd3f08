import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { setLocale } from '../accounts/account.ts'
import type { Database } from '../database/database.ts'
import { bearer, bodyErrors, errors, nothing, strictObject } from '../http/schemas.ts'
import { languages } from '../i18n/languages.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'

type Dependencies = { db: Database; signedIn: SignedIn }

export const changeLanguageRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const language = Type.Union([Type.Enum(languages), Type.Null()], {
    description: 'The language of pages and mails; `null` means the language that each request asks for',
  })
  const schema = {
    summary: 'Choose the language of pages and mails',
    tags: ['Accounts'],
    security: bearer,
    body: strictObject({ language }),
    response: { 200: nothing, ...errors('InvalidSessionError', ...bodyErrors) },
  }
  app.put('/api/auth/language', { schema, onRequest: signedIn }, async (request) => {
    await setLocale(db, currentSession(request).accountId, request.body.language)
    return {}
  })
}
