import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { confirmEmailChange } from '../account-settings/change-email.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type Client, readClient } from '../http/client.ts'
import type { LimitByCaller } from '../http/rate-limit.ts'
import { strictObject } from '../http/schemas.ts'
import { findLink, type Link, type LinkPurpose } from '../links/link.ts'
import { reportNotMe, reportPurposes } from '../recovery/report-not-me.ts'
import { undoEmailChange } from '../recovery/undo-email-change.ts'
import { verifyEmail } from '../sign-up/verify-email.ts'
import type { Page, ShowPage } from './render.ts'
import { linkPaths, showLink } from './show-link.ts'

type Dependencies = { db: Database; limit: LimitByCaller; show: ShowPage }

/**
 * The pages behind mailed links, each with a button that acts. Opening a link changes nothing, because mail scanners
 * open links too.
 */
export const linkPages: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, limit, show }) => {
  for (const { path, purposes, act } of actions) {
    for (const url of linkPaths(path)) {
      app.get(url, { schema: { params: Type.Object({ token: Type.String() }) } }, async (request, reply) => {
        const { token } = request.params
        const link = await findLink(db, purposes, token)
        return showLink(show, reply, {
          link,
          live: buttonPage(path, token),
          dead: { name: 'link', values: { action: path } },
        })
      })
    }

    const schema = { body: strictObject({ token: Type.String() }) }
    app.post(path, { schema, preHandler: limit('link') }, async (request, reply) => {
      const { token } = request.body
      const link = await findLink(db, purposes, token)
      const refuse = async () =>
        showLink(show, reply, {
          link: await findLink(db, purposes, token),
          live: buttonPage(path, token),
          dead: { name: 'link', status: 403, values: { action: path } },
        })
      if (!link) return refuse()
      try {
        await act(db, token, readClient(request))
      } catch (error) {
        if (!(error instanceof AppError && error.status === 403)) throw error
        return refuse()
      }
      const { purpose } = link
      return show(reply, { name: 'link-done', title: purpose, heading: { key: `page.${purpose}.thanks` } })
    })
  }
}

type ActionPurpose = Exclude<LinkPurpose, 'reset-password'>

type Action = {
  path: string
  purposes: ActionPurpose[]
  act: (db: Database, token: string, client: Client) => Promise<unknown>
}

const actions: Action[] = [
  {
    path: '/verify',
    purposes: ['verify-email'],
    act: (db, token, { device }) => verifyEmail(db, token, device),
  },
  {
    path: '/confirm-address',
    purposes: ['confirm-email'],
    act: (db, token, client) => confirmEmailChange(db, token, client),
  },
  {
    path: '/undo-address',
    purposes: ['undo-email-change'],
    act: undoEmailChange,
  },
  {
    path: '/not-me',
    purposes: reportPurposes,
    act: reportNotMe,
  },
]

function buttonPage(action: string, token: string) {
  return ({ purpose, params, email }: Link<ActionPurpose>): Page => ({
    name: 'link',
    title: purpose,
    values: { action, token, email: params['email'] ?? email },
  })
}
