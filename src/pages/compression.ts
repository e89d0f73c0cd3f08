import type { FastifyCompressOptions } from '@fastify/compress'

/**
 * For what all may see: assets, and the pages of movies. Where a page holds a token or an address, its length would tell
 * of it beside what a stranger can put in (BREACH), so it is sent as it is. A compressed request is never opened.
 */
export const compression: FastifyCompressOptions = {
  encodings: ['br', 'gzip'],
  globalCompression: true,
  globalDecompression: false,
}
