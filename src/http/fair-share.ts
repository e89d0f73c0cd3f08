import type { FastifyInstance } from 'fastify'
import { AppError } from '../errors.ts'
import { limitPerCaller } from './concurrency-limit.ts'
import { rateLimitKey } from './rate-limit.ts'

/**
 * Limits how many requests of one caller run at a time, so that no caller hogs the event loop. More wait their turn,
 * for at most five seconds (503). Requests beyond the queue get 429.
 */
export function limitRunningRequests(app: FastifyInstance): void {
  const limit = limitPerCaller({ running: 8, waiting: 200, refuse: tooMany })
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.url === '/health/live') return done()
    let isRejected = false
    const deadline = setTimeout(() => {
      isRejected = true
      done(
        new AppError('ServiceUnavailableError', 'Too busy. Try again in a moment.', {
          headers: { 'retry-after': '2' },
        }),
      )
    }, maxWaitMs)
    const run = async () => {
      clearTimeout(deadline)
      if (isRejected || reply.raw.destroyed) return
      const { promise: closed, resolve } = Promise.withResolvers<void>()
      reply.raw.once('close', resolve)
      done()
      await closed
    }
    limit(rateLimitKey(request.ip), run).catch((error: AppError) => {
      clearTimeout(deadline)
      done(error)
    })
  })
}

const maxWaitMs = 5000

function tooMany(): AppError {
  return new AppError(
    'TooManyRequestsError',
    'Too many requests at once. Wait for their responses before sending more.',
    {
      headers: { 'retry-after': '1' },
    },
  )
}
