import type { FastifyReply } from 'fastify'
import type { Link } from '../links/link.ts'
import type { Page, ShowPage } from './render.ts'

type LinkPage = {
  /** The link with the token, if there is one. */
  link: Link | undefined
  /** The page of a live link. */
  live: (link: Link) => Page
  /** The template `<name>-dead`, whose titles are `<name>-<state>`; `status` replaces 410 and 404. */
  dead: { name: 'reset' | 'link'; status?: number | undefined; values: Record<string, unknown> }
}

/** Shows the page behind a link from a mail if the link is live, or else what has become of the link. */
export function showLink(show: ShowPage, reply: FastifyReply, { link, live, dead }: LinkPage) {
  if (link?.state === 'live') return show(reply, live(link))
  const state = link?.state ?? 'unknown'
  return show(reply, {
    name: `${dead.name}-dead`,
    title: dead.name === 'reset' ? `reset-${state}` : `link-${state}`,
    status: dead.status ?? (link ? 410 : 404),
    values: { ...dead.values, state, at: link?.endedAt ?? null },
  })
}
