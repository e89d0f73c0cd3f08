import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { changeLanguage } from '../account-settings/change-language.ts'
import { exportAccount } from '../account-settings/export-account.ts'
import { readOwnAccount } from '../account-settings/own-account.ts'
import { listHistory } from '../accounts/audit-history.ts'
import type { Database } from '../database/database.ts'
import { readDevice, requestedLocale } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import { noStore } from '../http/security-headers.ts'
import { languageName, languages, textDirection } from '../i18n/languages.ts'
import type { KeyAfter } from '../i18n/translate.ts'
import { endOneSession, endOtherSessions, listSessions } from '../sessions/list.ts'
import { currentSession, requireLogin } from '../sessions/require-session.ts'
import type { Session, SessionSettings } from '../sessions/session.ts'
import { requestVerification } from '../sign-up/verify-email.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: SessionSettings; show: ShowPage }

/** The account page, and the settings on it that need no password. */
export const accountPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, dependencies) => {
  const { db, limit, show } = dependencies
  app.addHook('onRequest', requireLogin)

  const query = strictObject({ done: Type.Optional(Type.String()) })
  app.get('/account', { schema: { querystring: query } }, async (request, reply) => {
    const done = notices.find((notice) => notice === request.query.done) ?? ''
    const values = { ...(await accountValues(dependencies, currentSession(request))), done }
    return show(reply, { name: 'account', title: 'account', values })
  })

  app.post('/account/verify-mail', { preHandler: limit('verify-mail') }, async (request, reply) => {
    await requestVerification(db, currentSession(request).accountId, requestedLocale(request))
    return reply.redirect('/account?done=verification-sent', 303)
  })

  app.register(sessionForms, { db })

  const choice = { body: strictObject({ language: Type.Enum([...languages, '']) }) }
  app.post('/account/language', { schema: choice }, async (request, reply) => {
    const { accountId } = currentSession(request)
    await changeLanguage(db, { accountId, language: request.body.language || null, device: readDevice(request) })
    return reply.redirect('/account?done=language-changed', 303)
  })

  app.get('/account/history', async (request, reply) => {
    const entries = await listHistory(db, currentSession(request).accountId, 100)
    return show(reply, { name: 'account-history', title: 'account-history', values: { entries } })
  })

  app.get('/account/export', { preHandler: limit('export') }, async (request, reply) => {
    reply.headers({ ...noStore, 'content-disposition': 'attachment; filename="movie-bag.json"' })
    return reply.type('application/json; charset=utf-8').send(exportAccount(db, currentSession(request)))
  })
}

const sessionForms: FastifyPluginAsyncTypebox<Pick<Dependencies, 'db'>> = async (app, { db }) => {
  const schema = { body: strictObject({ id: Type.String() }) }
  app.post('/account/sessions/end', { schema }, async (request, reply) => {
    await endOneSession(db, { ...currentSession(request), id: request.body.id }, readDevice(request))
    return reply.redirect('/account?done=session-ended', 303)
  })

  app.post('/account/sessions/end-others', async (request, reply) => {
    await endOtherSessions(db, currentSession(request), readDevice(request))
    return reply.redirect('/account?done=other-sessions-ended', 303)
  })
}

async function accountValues({ db, config }: Pick<Dependencies, 'db' | 'config'>, session: Session) {
  return {
    account: await readOwnAccount(db, session.accountId),
    sessions: await listSessions(db, session, config),
    languages: languages.map((code) => ({ code, name: languageName(code), dir: textDirection(code) })),
  }
}

/** Notices shown after a change. Their message keys are `page.account.<notice>`. */
const notices = [
  'verification-sent',
  'session-ended',
  'other-sessions-ended',
  'password-changed',
  'email-change-requested',
  'language-changed',
] as const satisfies KeyAfter<'page.account.'>[]
