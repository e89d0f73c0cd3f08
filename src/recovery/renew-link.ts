import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { requestedLocale } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { body, bodyErrors, errors } from '../http/schemas.ts'
import { findResetLink } from '../links/reset-link.ts'
import { queueMail } from '../mail/outbox.ts'

type Dependencies = { db: Database; limit: LimitByCaller }

export const renewLinkRoute: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit }) => {
  const schema = {
    summary: 'Ask for a new mail with the token of an old one',
    description: 'For a link that has expired or ended: the mail goes to the account of that link.',
    tags: ['Recovery'],
    body: body({ reset_token: Type.String() }),
    response: {
      200: Type.Object({ support_code: Type.String() }),
      ...errors('BadTokenError', 'TooManyRequestsError', ...bodyErrors),
    },
  }
  app.post('/api/auth/reset/renew', { schema, preHandler: limit('forgot-password') }, async (request) => {
    return { support_code: await renewResetLink(db, request.body.reset_token, requestedLocale(request)) }
  })
}

/** As if the account's address had been typed. Throws `BadTokenError` for a token that never was one. */
export async function renewResetLink(db: Database, token: string, locale: string | undefined): Promise<string> {
  const link = await findResetLink(db, token)
  if (!link) throw new AppError('BadTokenError', 'Ask for a mail by your address instead.')
  return queueMail(db, { kind: 'reset-password', email: link.email, locale })
}
