import type { FastifyInstance } from 'fastify'
import { AppError } from '../errors.ts'

/**
 * Responds with 404 to an unknown path, and with 405 and `Allow` to a wrong method on a known path, before any body is
 * read. It learns the paths as routes are added, so call it before adding them.
 */
export function refuseUnknownPaths(app: FastifyInstance): void {
  // For missing files: their path matches the route of the assets, so the hook below lets it pass.
  app.setNotFoundHandler(() => {
    throw new AppError('NotFoundError')
  })
  const paths: KnownPaths = new Map()
  app.addHook('onRoute', ({ url, method }) => {
    const known = paths.get(url) ?? { pattern: pathPattern(url), methods: new Set() }
    for (const name of [method].flat()) known.methods.add(name)
    paths.set(url, known)
  })
  app.addHook('onRequest', (request, _reply, done) => done(request.is404 ? unknownPath(request.url, paths) : undefined))
}

type KnownPaths = Map<string, { pattern: RegExp; methods: Set<string> }>

function pathPattern(url: string): RegExp {
  const pattern = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:\w+/g, '[^/]+')
    .replaceAll('*', '.*')
  return new RegExp(`^${pattern}$`)
}

function unknownPath(url: string, paths: KnownPaths): AppError {
  const path = url.split('?', 1)[0] ?? ''
  const known = [...paths.values()].filter(({ pattern }) => pattern.test(path))
  if (known.length === 0) return new AppError('NotFoundError')
  const allow = [...new Set(known.flatMap(({ methods }) => [...methods]))].join(', ')
  return new AppError('MethodNotAllowedError', `Allowed: ${allow}.`, { headers: { allow } })
}
