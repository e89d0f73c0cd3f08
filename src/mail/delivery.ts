import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'
import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import { deliverMail } from './deliver-mail.ts'
import { deliveryLog } from './delivery-log.ts'
import type { DeliveryState } from './delivery-state.ts'
import { reportServerState } from './health.ts'
import { claimMails, clampDueTimes, releaseLease, renewLeases } from './outbox.ts'
import { fullPace } from './pace.ts'
import type { MailServer } from './smtp.ts'
import { onMailQueued } from './wake.ts'
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
    whenConnectionIsFree: pLimit(server.connections),
    pace: { ...fullPace },
    refusals: new LRUCache({ max: 1000 }),
    unrecorded: [],
    isRecording: false,
    cannotRecord: false,
    uncertainClaim: undefined,
    serverIsUp: false,
    events: new EventEmitter(),
    mailWasQueued: false,
    stopping,
    aborted: once(stopping.signal, 'abort'),
    deadlinePassed: false,
  }
  const timers = [
    setInterval(() => void renewHeldLeases(state), 5000),
    setInterval(() => void clampDueTimes(db).catch(state.log.databaseDown), 60_000),
  ]
  void clampDueTimes(db).catch(state.log.databaseDown)
  const stopListening = onMailQueued(() => {
    state.mailWasQueued = true
    state.events.emit('change')
  })
  const loop = runLoop(state)
  return {
    stop: async () => {
      stopListening()
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
  const checking = server.checkConnection()
  const reporting = setInterval(() => void reportSlow(state).catch(log.databaseDown), slowAfterMs)
  const problem = await Promise.race([checking, aborted.then(() => undefined)]).finally(() => clearInterval(reporting))
  if (stopping.signal.aborted) return
  log.serverState(problem && `${problem.reply} ${problem.advice}`)
  state.serverIsUp = problem === undefined
  await reportServerState(db, problem?.advice)
  if (problem) await pause(state, 1000 + 1000 * Math.random())
}

/** A server may take minutes to greet (RFC 5321, 4.5.3.2.1). Repeated, because an old report is from a worker that has stopped. */
async function reportSlow({ db, log }: DeliveryState): Promise<void> {
  const advice = 'The mail server is slow to respond. Wait, or check MAIL_SERVER and MAIL_PORT.'
  log.serverState(advice)
  await reportServerState(db, advice)
}

const slowAfterMs = 10_000

/**
 * How many mails to have claimed, and of how many to make room before claiming more, in connections to the server: while
 * some are sent, others are written.
 */
const ahead = { claimed: 3, batch: 1 }

async function claimBatch(state: DeliveryState): Promise<void> {
  const { db, server, claimed } = state
  // Claim nothing while outcomes cannot be saved: once their leases expire, those mails would be sent twice.
  if (state.cannotRecord) return pause(state, 200)
  const pausedMs = state.pace.pausedUntil - performance.now()
  if (pausedMs > 0) return pause(state, pausedMs)
  const room = ahead.claimed * server.connections - claimed.size
  if (room < ahead.batch * server.connections) return untilChange(state, 1000)
  // Otherwise its mails would stay leased until the lease expires, although no worker has them.
  if (state.uncertainClaim) await releaseLease(db, state.uncertainClaim)
  state.uncertainClaim = randomUUID()
  state.mailWasQueued = false
  const mails = await claimMails(db, room, state.uncertainClaim)
  state.uncertainClaim = undefined
  for (const mail of mails) {
    const delivery = deliverMail(state, mail).finally(() => {
      claimed.delete(mail)
      state.events.emit('change')
    })
    claimed.set(mail, delivery)
  }
  if (mails.length < room) await untilMailIsQueued(state)
}

/** Waits until mail is queued in this process, or for a second, because others queue mail too and deferred mail falls due. */
async function untilMailIsQueued(state: DeliveryState): Promise<void> {
  const deadline = performance.now() + 1000
  while (!state.mailWasQueued && state.serverIsUp && !state.stopping.signal.aborted) {
    const left = deadline - performance.now()
    if (left <= 0) return
    await untilChange(state, left)
  }
}

async function renewHeldLeases({ db, claimed, log }: DeliveryState): Promise<void> {
  if (claimed.size === 0) return
  await renewLeases(db, [...claimed.keys()]).catch(log.databaseDown)
}

/** How long `stop` waits for the mail server. */
const stopTimeoutMs = 4000

async function stopDelivery(state: DeliveryState, loop: Promise<void>): Promise<void> {
  const { server, claimed, events, stopping } = state
  stopping.abort()
  events.emit('change')
  const deadline = setTimeout(() => {
    state.deadlinePassed = true
    server.close()
  }, stopTimeoutMs)
  await loop
  await Promise.all(claimed.values())
  clearTimeout(deadline)
  server.close()
}

/** Waits until mail is queued, a delivery ends or delivery is to stop, for so many milliseconds at most. */
function untilChange({ events }: DeliveryState, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      events.off('change', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    events.once('change', end)
  })
}

async function pause({ stopping }: DeliveryState, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: stopping.signal }).catch(() => {})
}
