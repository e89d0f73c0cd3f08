import { setTimeout as sleep } from 'node:timers/promises'
import type { DeliveryState } from './delivery-state.ts'
import type { ClaimedMail } from './mail.ts'
import { type Outcome, recordOutcomes } from './outbox.ts'

/** An outcome that waits to be recorded. */
export type UnrecordedOutcome = { mail: ClaimedMail; outcome: Outcome; done: () => void }

/**
 * Records the outcome of a mail. Those that arrive while others are being recorded are recorded together. Retries, because
 * a mail whose outcome is lost is sent twice.
 */
export function saveOutcome(state: DeliveryState, mail: ClaimedMail, outcome: Outcome): Promise<void> {
  state.log.mailOutcome(mail, outcome)
  return new Promise((resolve) => {
    state.unrecorded.push({ mail, outcome, done: resolve })
    if (!state.isRecording) void recordAll(state)
  })
}

async function recordAll(state: DeliveryState): Promise<void> {
  state.isRecording = true
  while (state.unrecorded.length > 0) {
    const batch = state.unrecorded.slice()
    if (!state.deadlinePassed && !(await tryRecording(state, batch))) continue
    state.unrecorded.splice(0, batch.length)
    for (const { done } of batch) done()
  }
  state.isRecording = false
}

async function tryRecording(state: DeliveryState, batch: UnrecordedOutcome[]): Promise<boolean> {
  try {
    await recordOutcomes(state.db.writes, batch)
    state.cannotRecord = false
    return true
  } catch (error) {
    state.log.databaseDown(error)
    state.cannotRecord = true
    await sleep(500)
    return false
  }
}
