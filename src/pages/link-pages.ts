import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { confirmEmailChange } from '../account-settings/change-email.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { findLink, type LinkPurpose } from '../links/link.ts'
import { reportNotMe, reportPurposes } from '../recovery/report-not-me.ts'
import { undoEmailChange } from '../recovery/undo-email-change.ts'
import { verifyEmail } from '../sign-up/verify-email.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; limit: LimitByCaller; show: ShowPage }

/** Behind each link in a mail that does something at once: a page with a button, for to look must not act. */
export const linkPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, show }) => {
  page('/verify', ['verify-email'], (token, { device }) => verifyEmail(db, token, device))
  page('/confirm-address', ['confirm-email'], (token, client) => confirmEmailChange(db, token, client))
  page('/undo-address', ['undo-email-change'], (token, client) => undoEmailChange(db, token, client))
  page('/not-me', reportPurposes, (token, client) => reportNotMe(db, token, client))

  function page(path: string, purposes: LinkPurpose[], act: (token: string, client: Client) => Promise<unknown>) {
    app.get(`${path}/:token`, { schema: { params: Type.Object({ token: Type.String() }) } }, (request, reply) => {
      return showLink(reply, request.params.token)
    })

    const schema = { body: Type.Object({ token: Type.String() }) }
    app.post(path, { schema, preHandler: limit('link') }, async (request, reply) => {
      const { token } = request.body
      const link = await findLink(db, purposes, token)
      try {
        await act(token, readClient(request))
      } catch (error) {
        if (error instanceof AppError && error.status === 403) return showLink(reply, token, error.status)
        throw error
      }
      const title = link?.purpose ?? 'link-unknown'
      return show(reply, { name: 'link-done', title, heading: { sentence: `page.${title}.thanks` } })
    })

    async function showLink(reply: FastifyReply, token: string, status?: number) {
      const link = await findLink(db, purposes, token)
      if (link?.state === 'live') {
        const values = { action: path, token, email: link.params['email'] ?? link.email }
        return show(reply, { name: 'link', title: link.purpose, values })
      }
      const state = link?.state ?? 'unknown'
      const values = { state, action: path, at: link?.endedAt ?? null }
      return show(reply, { name: 'link-dead', title: `link-${state}`, status: status ?? (link ? 410 : 404), values })
    }
  }
}
