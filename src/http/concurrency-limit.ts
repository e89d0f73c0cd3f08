import pLimit from 'p-limit'
import { AppError } from '../errors.ts'

const maxQueued = 100

/**
 * Makes a function that runs at most this many pieces of costly work at a time and queues a hundred more. Beyond that it
 * throws `ServiceUnavailableError` with `detail`, because failing early is better than responding too late.
 */
export function limitConcurrency(concurrency: number, detail: string): <T>(work: () => Promise<T>) => Promise<T> {
  const limit = pLimit(concurrency)
  return (work) => {
    if (limit.pendingCount < maxQueued) return limit(work)
    throw new AppError('ServiceUnavailableError', detail, { headers: { 'retry-after': '2' } })
  }
}
