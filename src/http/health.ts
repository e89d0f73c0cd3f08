import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { errors } from './schemas.ts'
import { noStore } from './security-headers.ts'

/** The trouble of a part without which the service still serves, in a sentence; undefined where it is well. */
export type FindTrouble = () => Promise<string | undefined>

export const healthRoutes: FastifyPluginAsyncTypebox<{ db: Database; mailTrouble: FindTrouble }> = async (
  app,
  { db, mailTrouble },
) => {
  const live = {
    summary: 'Whether the process runs',
    tags: ['Health'],
    response: { 200: Type.Object({ status: Type.Literal('ok') }) },
  }
  app.get('/health/live', { schema: live }, async (_request, reply) => {
    reply.headers(noStore)
    return { status: 'ok' } as const
  })

  const ready = {
    summary: 'Whether the process can serve',
    description:
      '503 only without a database. Trouble with mail is `degraded`: requests are served, and the mail goes out later, so ' +
      'no process should be taken out of service for it.',
    tags: ['Health'],
    response: {
      200: Type.Object({
        status: Type.Enum(['ok', 'degraded']),
        database: Type.Literal('ok'),
        mail: Type.String({ description: '`ok`, or what is in trouble; the log says why' }),
      }),
      ...errors(),
    },
  }
  app.get('/health/ready', { schema: ready }, async (_request, reply) => {
    reply.headers(noStore)
    await db.query(sql`select`)
    const trouble = await mailTrouble()
    return { status: trouble ? 'degraded' : 'ok', database: 'ok', mail: trouble ?? 'ok' } as const
  })
}
