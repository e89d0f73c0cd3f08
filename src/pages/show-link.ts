import type { FastifyReply } from 'fastify'
import type { Link, LinkPurpose } from '../links/link.ts'
import type { Page, PageTitle, ShowPage } from './render.ts'

type LinkPage<Purpose extends LinkPurpose> = {
  /** The link with the token, if there is one. */
  link: Link<Purpose> | undefined
  /** The page of a live link. */
  live: (link: Link<Purpose>) => Page
  /** The template `<name>-dead`; `status` replaces 410 and 404. */
  dead: { name: 'reset' | 'link'; status?: number | undefined; values: Record<string, unknown> }
}

/** Shows the page behind a link from a mail if the link is live, or else what has become of the link. */
export function showLink<Purpose extends LinkPurpose>(
  show: ShowPage,
  reply: FastifyReply,
  { link, live, dead }: LinkPage<Purpose>,
) {
  if (link?.state === 'live') return show(reply, live(link))
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
