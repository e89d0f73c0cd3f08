import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import { deliveryLog } from './delivery-log.ts'
import { reportServerState } from './health.ts'
import type { ClaimedMail, MailKind } from './mail.ts'
import { claimMails, clampDueTimes, type Outcome, recordOutcome, releaseLease, renewLeases } from './outbox.ts'
import type { MailServer, SendResult } from './smtp.ts'
import type { MailWriters, WrittenMail } from './write.ts'

export type Delivery = { stop: () => Promise<void> }

/** How long `stop` waits for the mail server before mails in hand are left to a later attempt. */
const timeoutMs = 4000

/**
 * Sends what is in the outbox until it is stopped. While the mail server is in trouble nothing is claimed; it is asked
 * every few seconds whether it is well again. `stop` resolves when the mails in hand are finished, or put off.
 */
export function startDelivery(db: Database, server: MailServer, writers: MailWriters, log: Logger): Delivery {
  const inHand = new Map<ClaimedMail, Promise<void>>()
  const unrecorded = new Set<ClaimedMail>()
  const stopping = new AbortController()
  const aborted = once(stopping.signal, 'abort')
  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {})
  const news = deliveryLog(log)
  // Until the first probe nobody knows, and a mail is no way to find out.
  let serverIsUp = false
  let deadlinePassed = false
  let claim: string | undefined

  async function run(): Promise<void> {
    for (let probes = 0; !stopping.signal.aborted; probes = serverIsUp ? 0 : probes + 1) {
      try {
        if (serverIsUp) await claimAndSend()
        else await probe(probes)
        news.logDatabaseUp()
      } catch (error) {
        news.logDatabaseDown(error)
        await pause(1000)
      }
    }
  }

  async function probe(probesBefore: number): Promise<void> {
    const answer = await Promise.race([server.probe(), aborted])
    if (Array.isArray(answer)) return
    news.logServerState(answer && `${answer.reply} ${answer.advice}`)
    serverIsUp = answer === undefined
    await reportServerState(db, answer?.advice)
    if (!serverIsUp) await pause(Math.min(1000 * 2 ** probesBefore, 15_000))
  }

  async function claimAndSend(): Promise<void> {
    // A mail whose outcome cannot be written down outlives its lease, and taken anew it would be sent twice.
    if (unrecorded.size > 0) return pause(200)
    // A claim that failed may have been made all the same: it is undone, or what it took would wait for nobody.
    if (claim) await releaseLease(db, claim)
    claim = randomUUID()
    const mails = await claimMails(db, server.connections - inHand.size, claim)
    claim = undefined
    for (const mail of mails) {
      const delivery = deliver(mail).finally(() => inHand.delete(mail))
      inHand.set(mail, delivery)
    }
    if (mails.length === 0) await pause(200 + 100 * Math.random())
    else if (inHand.size >= server.connections) await Promise.race(inHand.values())
  }

  async function deliver(mail: ClaimedMail): Promise<void> {
    const written = await write(mail)
    if ('state' in written) return written.state === 'lease lost' ? undefined : settle(mail, written)
    const result = await server.send({ id: mail.id, to: written.to, ...written.message })
    // Whether it was this mail or the server is for the next probe to say.
    if (result.verdict === 'trouble') serverIsUp = false
    await settle(mail, outcomeOf(mail, result))
  }

  async function write<Kind extends MailKind>(mail: ClaimedMail<Kind>): Promise<WrittenMail | Outcome> {
    try {
      const writer = writers[mail.kind]
      if (!writer) throw new Error(`No part of this release writes mails of the kind "${mail.kind}".`)
      return await writer(mail)
    } catch (error) {
      return defer(mail, `It could not be written: ${error instanceof Error ? error.message : error}`)
    }
  }

  /** What became of a mail is worth waiting for: forgotten, it would be sent twice. */
  async function settle(mail: ClaimedMail, outcome: Outcome): Promise<void> {
    news.mailIs(mail, outcome)
    while (!(await isSettled(mail, outcome)) && !deadlinePassed) {
      unrecorded.add(mail)
      await sleep(500)
    }
    unrecorded.delete(mail)
  }

  function isSettled(mail: ClaimedMail, outcome: Outcome): Promise<boolean> {
    return recordOutcome(db, mail, outcome).then(
      () => true,
      (error: unknown) => {
        news.logDatabaseDown(error)
        return false
      },
    )
  }

  const renewal = setInterval(() => {
    if (inHand.size > 0) renewLeases(db, [...inHand.keys()]).catch(news.logDatabaseDown)
  }, 5000)
  const mend = () => void clampDueTimes(db).catch(news.logDatabaseDown)
  const mending = setInterval(mend, 60_000)
  mend()
  const running = run()
  return {
    stop: async () => {
      stopping.abort()
      const giveUp = setTimeout(() => {
        deadlinePassed = true
        server.close()
      }, timeoutMs)
      await running
      await Promise.all(inHand.values())
      clearTimeout(giveUp)
      clearInterval(renewal)
      clearInterval(mending)
      server.close()
    },
  }
}

function outcomeOf(mail: ClaimedMail, { verdict, reply }: SendResult): Outcome {
  if (verdict === 'sent' || verdict === 'suppressed') return { state: verdict, reply }
  return verdict === 'never' ? { state: 'failed', reply } : defer(mail, reply)
}

const backOffSeconds = [1, 5, 15, 60, 300, 900]

/** Later, with growing patience; for good after 24 hours, when nobody waits for the mail any more. */
function defer({ attempts, ageSeconds }: ClaimedMail, reply: string): Outcome {
  if (ageSeconds > 24 * 3600) return { state: 'failed', reply }
  const delaySeconds = backOffSeconds[attempts - 1] ?? 1800
  return { state: 'deferred', reply, delaySeconds: delaySeconds * (0.8 + 0.4 * Math.random()) }
}
