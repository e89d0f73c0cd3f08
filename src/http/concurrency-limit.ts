import pLimit, { type LimitFunction } from 'p-limit'
import { AppError } from '../errors.ts'

const maxQueued = 100

/**
 * Creates a function that runs at most `concurrency` costly tasks at a time and queues up to 100 more. Beyond that it
 * throws `ServiceUnavailableError` with `detail`, because failing early is better than responding too late.
 */
export function limitConcurrency(concurrency: number, detail: string): <T>(work: () => Promise<T>) => Promise<T> {
  const limit = pLimit(concurrency)
  return (work) => {
    if (limit.pendingCount < maxQueued) return limit(work)
    throw new AppError('ServiceUnavailableError', detail, { headers: { 'retry-after': '2' } })
  }
}

type CallerLimit = { running: number; waiting: number; refuse: () => AppError }

/**
 * Creates a function that runs at most `running` tasks per caller at a time and queues up to `waiting` more. Beyond
 * that it throws the error that `refuse` returns.
 */
export function limitPerCaller({ running, waiting, refuse }: CallerLimit) {
  const callers = new Map<string, LimitFunction>()
  return async <T>(caller: string, work: () => Promise<T>): Promise<T> => {
    const limit = callers.get(caller) ?? pLimit(running)
    if (limit.pendingCount >= waiting) throw refuse()
    callers.set(caller, limit)
    try {
      return await limit(work)
    } finally {
      if (limit.activeCount + limit.pendingCount === 0) callers.delete(caller)
    }
  }
}
