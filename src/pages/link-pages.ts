import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { confirmEmailChange } from '../account-settings/change-email.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { findActionLink, type LinkPurpose } from '../links/action-link.ts'
import { revokeResetLinks as endResetLinks } from '../links/reset-link.ts'
import { reportNotMe, reportPurposes } from '../recovery/report-not-me.ts'
import { undoAddressChange } from '../recovery/undo-email-change.ts'
import { verifyEmail } from '../sign-up/verify-email.ts'
import type { ShowPage } from './render.ts'

type Dependencies = { db: Database; limit: LimitByCaller; show: ShowPage }

/** Behind each link in a mail that does something at once: a page with a button, for to look must not act. */
export const linkPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, show }) => {
  page('/verify', ['verify-address'], (token, { device }) => verifyEmail(db, token, device))
  page('/confirm-address', ['confirm-address'], (token, client) =>
    confirmEmailChange({ db, endResetLinks }, token, client),
  )
  page('/undo-address', ['undo-address'], (token, client) => undoAddressChange(db, token, client))
  page('/not-me', reportPurposes, (token, client) => reportNotMe(db, token, client))

  function page(path: string, purposes: LinkPurpose[], act: (token: string, client: Client) => Promise<unknown>) {
    app.get(`${path}/:token`, { schema: { params: Type.Object({ token: Type.String() }) } }, (request, reply) => {
      return showLink(reply, request.params.token)
    })

    const schema = { body: Type.Object({ token: Type.String() }) }
    app.post(path, { schema, preHandler: limit('link') }, async (request, reply) => {
      const { token } = request.body
      const link = await findActionLink(db, purposes, token)
      try {
        await act(token, readClient(request))
      } catch (error) {
        if (error instanceof AppError && error.status === 403) return showLink(reply, token, error.status)
        throw error
      }
      const title = titleOf(link?.purpose)
      return show(reply, { name: 'link-done', title, heading: { sentence: `page.${title}.thanks` } })
    })

    async function showLink(reply: FastifyReply, token: string, status?: number) {
      const link = await findActionLink(db, purposes, token)
      if (link?.state === 'live') {
        const values = { action: path, token, email: link.params['email'] ?? '' }
        return show(reply, { name: 'link', title: titleOf(link.purpose), values })
      }
      const state = link?.state ?? 'unknown'
      const values = { state, action: path, at: link?.endedAt ?? null }
      return show(reply, { name: 'link-dead', title: `link-${state}`, status: status ?? (link ? 410 : 404), values })
    }
  }
}

function titleOf(purpose: LinkPurpose | undefined): string {
  return purpose === 'verify-address' ? 'verify' : (purpose ?? 'link-unknown')
}
