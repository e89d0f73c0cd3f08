import type { DeliveryState } from './delivery-state.ts'
import type { ClaimedMail, MailKind } from './mail.ts'
import { type Outcome, releaseMail } from './outbox.ts'
import { saveOutcome } from './outcomes.ts'
import { slowDown, speedUp } from './pace.ts'
import type { SendResult } from './smtp.ts'
import type { WrittenMail } from './write.ts'

/** Writes and sends a claimed mail and records the outcome. Never rejects. */
export async function deliverMail(state: DeliveryState, mail: ClaimedMail): Promise<void> {
  const written = await writeMail(state, mail)
  if ('state' in written) {
    if (written.state !== 'lease lost') await saveOutcome(state, mail, written)
    return
  }
  const result = await state.whenConnectionIsFree(() => {
    const isPaused = performance.now() < state.pace.pausedUntil
    if (!state.serverIsUp || isPaused || state.stopping.signal.aborted) return undefined
    return state.server.sendMail({ id: mail.id, to: written.to, ...written.message })
  })
  if (!result) return releaseMail(state.db.writes, mail).catch(state.log.databaseDown)
  if (result.verdict === 'busy') slowDown(state)
  // After the pause it is its turn again, as if it had not been tried.
  if (result.verdict === 'busy' && mayTryAgain(state, mail)) {
    return releaseMail(state.db.writes, mail).catch(state.log.databaseDown)
  }
  if (result.verdict === 'sent') speedUp(state)
  // The next check finds out whether the cause was this mail or the server.
  if (result.verdict === 'server down') state.serverIsUp = false
  await saveOutcome(state, mail, toOutcome(mail, result))
}

/** A mail that is refused again and again may be the cause, so it is deferred like any other. */
function mayTryAgain({ refusals }: DeliveryState, { id }: ClaimedMail): boolean {
  const count = (refusals.get(id) ?? 0) + 1
  refusals.set(id, count)
  return count <= 5
}

async function writeMail<Kind extends MailKind>(
  { writers }: DeliveryState,
  mail: ClaimedMail<Kind>,
): Promise<WrittenMail | Outcome> {
  try {
    // A newer release may have queued a kind that this one does not have.
    if (!Object.hasOwn(writers, mail.kind)) throw new Error(`This release has no mail of the kind "${mail.kind}".`)
    return await writers[mail.kind](mail)
  } catch (error) {
    return defer(mail, `The mail could not be written: ${error instanceof Error ? error.message : error}`)
  }
}

function toOutcome(mail: ClaimedMail, { verdict, reply }: SendResult): Outcome {
  if (verdict === 'sent' || verdict === 'suppressed' || verdict === 'failed') return { state: verdict, reply }
  return defer(mail, reply)
}

const backOffSeconds = [1, 5, 15, 60, 300, 900]

/**
 * Defers a mail, longer after each attempt. After 24 hours the mail fails, because its recipient has stopped waiting.
 */
function defer({ attempts, ageSeconds }: ClaimedMail, reply: string): Outcome {
  if (ageSeconds > 24 * 3600) return { state: 'failed', reply }
  const delaySeconds = backOffSeconds[attempts - 1] ?? 1800
  return { state: 'deferred', reply, delaySeconds: delaySeconds * (0.8 + 0.4 * Math.random()) }
}
