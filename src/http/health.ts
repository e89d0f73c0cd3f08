import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Database, sql } from '../database/database.ts'
import { errors } from './schemas.ts'
import { noStore } from './security-headers.ts'

type Dependencies = {
  db: Database
  /** Returns the problem with mail, if there is one. The service keeps running without mail. */
  findMailProblem: () => Promise<string | undefined>
}

export const healthRoutes: FastifyPluginAsyncTypebox<Dependencies> = async (app, { db, findMailProblem }) => {
  const live = {
    summary: 'Check whether the process is running',
    tags: ['Health'],
    response: { 200: Type.Object({ status: Type.Literal('ok') }) },
  }
  app.get('/health/live', { schema: live }, async (_request, reply) => {
    reply.headers(noStore)
    return { status: 'ok' } as const
  })

  const ready = {
    summary: 'Check whether the process can serve requests',
    description:
      'Returns 503 only if the database is unavailable. A problem with mail is `degraded`: requests are served and mail is ' +
      'sent later, so keep the process in service.',
    tags: ['Health'],
    response: {
      200: Type.Object({
        status: Type.Enum(['ok', 'degraded']),
        database: Type.Literal('ok'),
        mail: Type.String({ description: '`ok`, or the problem; the log has the cause' }),
      }),
      ...errors(),
    },
  }
  // Anyone can ask, and with a long queue of mail the search takes time. So requests at the same time share one.
  let search: ReturnType<typeof findMailProblem> | undefined
  const findMailProblemOnce = () => {
    search ??= findMailProblem().finally(() => {
      search = undefined
    })
    return search
  }
  app.get('/health/ready', { schema: ready }, async (_request, reply) => {
    reply.headers(noStore)
    await db.query(sql`select`)
    const problem = await findMailProblemOnce()
    return { status: problem ? 'degraded' : 'ok', database: 'ok', mail: problem ?? 'ok' } as const
  })
}
