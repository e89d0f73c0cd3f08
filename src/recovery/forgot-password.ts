import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { requireEmail } from '../accounts/email-address.ts'
import type { Config } from '../config/config.ts'
import { type Database, sql } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { requestedLocale } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { body, bodyErrors, errors } from '../http/schemas.ts'
import { queueMail } from '../mail/outbox.ts'

type Dependencies = { db: Database; limit: LimitByCaller; config: Config }

export const forgotPasswordRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, config }) => {
  const schema = {
    summary: 'Ask for a mail with a link to set a new password',
    description:
      'The answer is the same whether or not somebody has the address, and the mail is sent in the background. ' +
      'Asking changes nothing: the old password still works. `EmailDoesnotExistsError` comes only with `ACCOUNT_PRIVACY=reveal`.',
    tags: ['Recovery'],
    body: body({ email: Type.String({ examples: ['ada@example.org'] }) }),
    response: {
      200: Type.Object({
        support_code: Type.String({ description: 'By which an operator finds what became of the mail' }),
      }),
      ...errors('EmailDoesnotExistsError', 'TooManyRequestsError', ...bodyErrors),
    },
  }
  app.post('/api/auth/forgot', { schema, preHandler: limit('forgot-password') }, async (request) => {
    return { support_code: await requestReset(db, config, request.body.email, requestedLocale(request)) }
  })
}

/**
 * Queues the mail for whoever has the address, without looking whether anybody does: the worker does that, away from
 * the requests, so that neither the answer nor its time can tell. Throws `SchemaValidationError` for what is no address.
 */
export async function requestReset(db: Database, config: Config, email: string, locale?: string): Promise<string> {
  const canonical = requireEmail(email)
  if (config.accountPrivacy === 'reveal') await requireAccount(db, canonical)
  return queueMail(db, { kind: 'reset-password', email, locale })
}

async function requireAccount(db: Database, canonical: string): Promise<void> {
  const rows = await db.query(sql`select id from accounts where email_canonical = ${canonical}`)
  if (rows.length === 0) throw new AppError('EmailDoesnotExistsError')
}
