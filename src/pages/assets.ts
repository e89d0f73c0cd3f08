import { join } from 'node:path'
import compress, { type FastifyCompressOptions } from '@fastify/compress'
import staticFiles from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'

/**
 * The pages' style sheet, scripts and images. They are served outside the pages, without a session or the database, so
 * that error pages are styled no matter what went wrong.
 */
export const assetRoutes: FastifyPluginAsync = async (app) => {
  await app.register(compress, compression)
  await app.register(staticFiles, {
    root: join(import.meta.dirname, '../../public'),
    prefix: '/assets/',
    maxAge: '1h',
    index: false,
    setHeaders: (reply, path) => {
      // Added here, because the compression adds it only to responses that it compresses.
      reply.header('vary', 'accept-encoding')
      if (path.endsWith('.svg')) reply.header('content-type', 'image/svg+xml; charset=utf-8')
    },
  })
}

/**
 * Compression for public content: assets and the movie pages. A page with a token or an email address is not
 * compressed: if an attacker can add text to the page, its compressed length leaks them (BREACH). Compressed request
 * bodies are not accepted.
 */
export const compression: FastifyCompressOptions = {
  encodings: ['br', 'gzip'],
  globalCompression: true,
  globalDecompression: false,
}
