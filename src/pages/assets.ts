import { join } from 'node:path'
import compress from '@fastify/compress'
import staticFiles from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'
import { compression } from './compression.ts'

/**
 * What pages are dressed in. It stands beside them and not among them: it does not depend on who looks, or on the
 * database, so that an error page has its dress whatever went wrong.
 */
export const assetRoutes: FastifyPluginAsync = async (app) => {
  await app.register(compress, compression)
  await app.register(staticFiles, {
    root: join(import.meta.dirname, '../../public'),
    prefix: '/assets/',
    maxAge: '1h',
    index: false,
  })
}
