import type { FastifyReply } from 'fastify'
import { logRejection } from '../http/security-log.ts'
import type { Link, LinkPurpose } from '../links/link.ts'
import type { Page, PageTitle, ShowPage } from './render.ts'

/** Returns the paths of the page behind a mailed link. Some mail programs add a slash or two. */
export function linkPaths(path: string): string[] {
  return ['', '/', '//'].map((slashes) => `${path}/:token${slashes}`)
}

type LinkPage<Purpose extends LinkPurpose> = {
  /** The link that the token belongs to, if any. */
  link: Link<Purpose> | undefined
  /** The page of a live link. */
  live: (link: Link<Purpose>) => Page
  /**
   * Shown otherwise, from the template `<name>-dead`. `status` overrides the default: 410, or 404 for an unknown token.
   */
  dead: { name: 'reset' | 'link'; status?: number | undefined; values: Record<string, unknown> }
}

/** Shows the page behind a mailed link if the link is live, or else a page that says why it is not. */
export function showLink<Purpose extends LinkPurpose>(
  show: ShowPage,
  reply: FastifyReply,
  { link, live, dead }: LinkPage<Purpose>,
) {
  if (link?.state === 'live') return show(reply, live(link))
  logRejection('link-rejected', link?.accountId)
  const state = link?.state ?? 'unknown'
  return show(reply, {
    name: `${dead.name}-dead`,
    title: deadTitles[dead.name][state],
    status: dead.status ?? (link ? 410 : 404),
    values: { ...dead.values, state, at: link?.endedAt ?? null },
  })
}

type DeadState = Exclude<Link['state'], 'live'> | 'unknown'

const deadTitles: Record<'reset' | 'link', Record<DeadState, PageTitle>> = {
  reset: {
    expired: 'reset-expired',
    spent: 'reset-spent',
    replaced: 'reset-replaced',
    revoked: 'reset-revoked',
    unknown: 'reset-unknown',
  },
  link: {
    expired: 'link-expired',
    spent: 'link-spent',
    replaced: 'link-revoked',
    revoked: 'link-revoked',
    unknown: 'link-unknown',
  },
}
