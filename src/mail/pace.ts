import type { DeliveryState } from './delivery-state.ts'

/** How fast mail goes to a server that limits us. Times are those of `performance.now()`. */
export type Pace = { refusedAt: number; pausedUntil: number; pauseMs: number }

export const fullPace: Pace = { refusedAt: -Infinity, pausedUntil: -Infinity, pauseMs: 0 }

const maxPauseMs = 60_000

/** After a refusal: half the connections, and a pause that doubles up to a minute. Refusals at about the same time count once. */
export function slowDown({ pace, whenConnectionIsFree }: DeliveryState): void {
  const now = performance.now()
  if (now < pace.pausedUntil || now - pace.refusedAt < 100) return
  pace.refusedAt = now
  pace.pauseMs = Math.min(Math.max(200, pace.pauseMs * 2), maxPauseMs)
  pace.pausedUntil = now + pace.pauseMs * (0.8 + 0.4 * Math.random())
  whenConnectionIsFree.concurrency = Math.max(1, Math.floor(whenConnectionIsFree.concurrency / 2))
}

/** After a mail that was accepted: the next pause is short again. A connection more for every ten seconds without a refusal. */
export function speedUp({ pace, server, whenConnectionIsFree }: DeliveryState): void {
  pace.pauseMs = 0
  const now = performance.now()
  if (whenConnectionIsFree.concurrency >= server.connections || now - pace.refusedAt < 10_000) return
  pace.refusedAt = now
  whenConnectionIsFree.concurrency += 1
}
