import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { chooseLanguage } from '../account-settings/change-language.ts'
import { everythingOf } from '../account-settings/export-account.ts'
import { readOwnAccount } from '../account-settings/own-account.ts'
import { historyOf } from '../accounts/audit-history.ts'
import type { Database } from '../database/database.ts'
import { localeAskedFor } from '../http/client.ts'
import { deviceOf } from '../http/device.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { noStore } from '../http/security-headers.ts'
import { directionOf, languages, nameOf } from '../i18n/languages.ts'
import { ownVisitor, requireVisitor } from '../sessions/cookie.ts'
import { endOneSession, endOtherSessions, sessionsOf } from '../sessions/list.ts'
import { askForVerification } from '../sign-up/verify-email.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; limit: LimitByCaller; show: ShowPage }

/** What was done last, for the page that one comes back to: each is the sentence `page.account.<done>`. */
const deeds = [
  'verify-mail',
  'session-ended',
  'others-ended',
  'password-changed',
  'address-asked',
  'language-changed',
] as const

export const accountPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, show }) => {
  app.addHook('onRequest', requireVisitor)

  const query = Type.Object({ done: Type.Optional(Type.String()) })
  app.get('/account', { schema: { querystring: query } }, async (request, reply) => {
    const visitor = ownVisitor(request)
    const account = await readOwnAccount(db, visitor.accountId)
    const sessions = await sessionsOf(db, visitor)
    const values = {
      account,
      sessions,
      languages: languages.map((code) => ({ code, name: nameOf(code), dir: directionOf(code) })),
      done: deeds.find((deed) => deed === request.query.done) ?? '',
    }
    return show(reply, { name: 'account', title: 'account', values })
  })

  app.post('/account/verify-mail', { preHandler: limit('verify-mail') }, async (request, reply) => {
    await askForVerification(db, ownVisitor(request).accountId, localeAskedFor(request))
    return reply.redirect('/account?done=verify-mail', 303)
  })

  const schema = { body: Type.Object({ id: Type.String() }) }
  app.post('/account/sessions/end', { schema }, async (request, reply) => {
    await endOneSession(db, { ...ownVisitor(request), id: request.body.id }, deviceOf(request))
    return reply.redirect('/account?done=session-ended', 303)
  })

  app.post('/account/sessions/end-others', async (request, reply) => {
    await endOtherSessions(db, ownVisitor(request), deviceOf(request))
    return reply.redirect('/account?done=others-ended', 303)
  })

  const choice = { body: Type.Object({ language: Type.Enum([...languages, '']) }) }
  app.post('/account/language', { schema: choice }, async (request, reply) => {
    await chooseLanguage(db, ownVisitor(request).accountId, request.body.language || null)
    return reply.redirect('/account?done=language-changed', 303)
  })

  app.get('/account/history', async (request, reply) => {
    const entries = await historyOf(db, ownVisitor(request).accountId, 200)
    return show(reply, { name: 'account-history', title: 'account-history', values: { entries } })
  })

  app.get('/account/export', { preHandler: limit('export') }, async (request, reply) => {
    reply.headers({ ...noStore, 'content-disposition': 'attachment; filename="movie-bag.json"' })
    return reply.type('application/json; charset=utf-8').send(Readable.from(everythingOf(db, ownVisitor(request))))
  })
}
