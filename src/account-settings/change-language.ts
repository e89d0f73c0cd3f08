import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { setLocale } from '../accounts/account.ts'
import { recordEvent } from '../accounts/audit-history.ts'
import type { Database } from '../database/database.ts'
import { readDevice } from '../http/client.ts'
import { bearer, bodyErrors, emptyResponse, errors, strictObject } from '../http/schemas.ts'
import type { Device } from '../i18n/format.ts'
import { languages } from '../i18n/languages.ts'
import { currentSession, type SignedIn } from '../sessions/require-session.ts'

type Dependencies = { db: Database; signedIn: SignedIn }

export const changeLanguageRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, signedIn }) => {
  const language = Type.Union([Type.Enum(languages), Type.Null()], {
    description:
      'The language of pages and mails; `null` means the language that each request asks for. For 7 days, warnings use ' +
      'the language before.',
  })
  const schema = {
    summary: 'Choose the language of pages and mails',
    tags: ['Accounts'],
    security: bearer,
    body: strictObject({ language }),
    response: { 200: emptyResponse, ...errors('InvalidSessionError', ...bodyErrors) },
  }
  app.put('/api/auth/language', { schema, onRequest: signedIn }, async (request) => {
    const { accountId } = currentSession(request)
    await changeLanguage(db, { accountId, language: request.body.language, device: readDevice(request) })
    return {}
  })
}

type LanguageChange = { accountId: string; language: string | null; device: Device }

export async function changeLanguage(db: Database, { accountId, language, device }: LanguageChange): Promise<void> {
  await db.transaction(async (tx) => {
    const hasChanged = await setLocale(tx, accountId, language)
    if (hasChanged) await recordEvent(tx, { accountId, event: 'language changed', device })
  })
}
