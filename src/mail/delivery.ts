import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import { deliverMail } from './deliver-mail.ts'
import { deliveryLog } from './delivery-log.ts'
import type { DeliveryState } from './delivery-state.ts'
import { reportServerState } from './health.ts'
import { claimMails, clampDueTimes, releaseLease, renewLeases } from './outbox.ts'
import type { MailServer } from './smtp.ts'
import type { MailWriters } from './write.ts'

export type Delivery = { stop: () => Promise<void> }

type Dependencies = { db: Database; server: MailServer; writers: MailWriters; log: Logger }

/**
 * Sends the mails in the outbox until it is stopped. While the mail server is down, no mail is claimed, and the server
 * is checked every few seconds. `stop` resolves when the mails in flight are finished or deferred.
 */
export function startDelivery({ db, server, writers, log }: Dependencies): Delivery {
  const stopping = new AbortController()
  const state: DeliveryState = {
    db,
    server,
    writers,
    log: deliveryLog(log),
    claimed: new Map(),
    unrecorded: new Set(),
    uncertainClaim: undefined,
    serverIsUp: false,
    failedChecks: 0,
    stopping,
    aborted: once(stopping.signal, 'abort'),
    deadlinePassed: false,
  }
  const timers = [
    setInterval(() => void renewHeldLeases(state), 5000),
    setInterval(() => void clampDueTimes(db).catch(state.log.databaseDown), 60_000),
  ]
  void clampDueTimes(db).catch(state.log.databaseDown)
  const loop = runLoop(state)
  return {
    stop: async () => {
      await stopDelivery(state, loop)
      for (const timer of timers) clearInterval(timer)
    },
  }
}

async function runLoop(state: DeliveryState): Promise<void> {
  while (!state.stopping.signal.aborted) {
    try {
      if (state.serverIsUp) await claimBatch(state)
      else await checkServer(state)
      state.log.databaseUp()
    } catch (error) {
      state.log.databaseDown(error)
      await pause(state, 1000)
    }
  }
}

async function checkServer(state: DeliveryState): Promise<void> {
  const { db, server, log, stopping, aborted } = state
  const problem = await Promise.race([server.checkConnection(), aborted.then(() => undefined)])
  if (stopping.signal.aborted) return
  log.serverState(problem && `${problem.reply} ${problem.advice}`)
  state.serverIsUp = problem === undefined
  state.failedChecks = problem ? state.failedChecks + 1 : 0
  await reportServerState(db, problem?.advice)
  if (problem) await pause(state, Math.min(1000 * 2 ** (state.failedChecks - 1), 15_000))
}

async function claimBatch(state: DeliveryState): Promise<void> {
  const { db, server, claimed } = state
  // Claim nothing while an outcome is unsaved: once its lease expires, that mail would be sent twice.
  if (state.unrecorded.size > 0) return pause(state, 200)
  // Otherwise its mails would stay leased until the lease expires, although no worker has them.
  if (state.uncertainClaim) await releaseLease(db, state.uncertainClaim)
  state.uncertainClaim = randomUUID()
  const mails = await claimMails(db, server.connections - claimed.size, state.uncertainClaim)
  state.uncertainClaim = undefined
  for (const mail of mails) {
    const delivery = deliverMail(state, mail).finally(() => claimed.delete(mail))
    claimed.set(mail, delivery)
  }
  if (mails.length === 0) await pause(state, 200 + 100 * Math.random())
  else if (claimed.size >= server.connections) await Promise.race(claimed.values())
}

async function renewHeldLeases({ db, claimed, log }: DeliveryState): Promise<void> {
  if (claimed.size === 0) return
  await renewLeases(db, [...claimed.keys()]).catch(log.databaseDown)
}

/** How long `stop` waits for the mail server. */
const stopTimeoutMs = 4000

async function stopDelivery(state: DeliveryState, loop: Promise<void>): Promise<void> {
  const { server, claimed, stopping } = state
  stopping.abort()
  const deadline = setTimeout(() => {
    state.deadlinePassed = true
    server.close()
  }, stopTimeoutMs)
  await loop
  await Promise.all(claimed.values())
  clearTimeout(deadline)
  server.close()
}

async function pause({ stopping }: DeliveryState, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: stopping.signal }).catch(() => {})
}
