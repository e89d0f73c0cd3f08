import { join } from 'node:path'
import compress, { type FastifyCompressOptions } from '@fastify/compress'
import staticFiles from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'

/**
 * The style sheet, scripts and pictures of the pages. They are served outside the pages, without a session or the
 * database, so that an error page is styled whatever went wrong.
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

/**
 * Compression for public content: assets and the movie pages. A page that holds a token or an email address is not
 * compressed, because its length would leak them next to text that an attacker chooses (BREACH). Compressed request
 * bodies are not accepted.
 */
export const compression: FastifyCompressOptions = {
  encodings: ['br', 'gzip'],
  globalCompression: true,
  globalDecompression: false,
}
