import pLimit from 'p-limit'
import { AppError } from '../errors.ts'

const queueLength = 100

/**
 * Lets so many pieces of costly work go on at once, and a hundred wait for their turn. Beyond that it throws
 * `ServiceUnavailableError`, for an answer at once is better than one too late.
 */
export function limitConcurrency(atOnce: number, detail: string): <T>(work: () => Promise<T>) => Promise<T> {
  const inTurn = pLimit(atOnce)
  return (work) => {
    if (inTurn.pendingCount < queueLength) return inTurn(work)
    throw new AppError('ServiceUnavailableError', detail, { headers: { 'retry-after': '2' } })
  }
}
