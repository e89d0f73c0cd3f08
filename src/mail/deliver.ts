import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import { reportMailServer } from './mail-server-state.ts'
import { type ClaimedMail, claimMails, type Outcome, renewLeases, settleMail } from './outbox.ts'
import type { MailServer, Message, SendResult } from './smtp.ts'

/** What a feature makes of a mail it queued: the message and whom it goes to, or why there is none to send. */
export type WrittenMail =
  | { to: string; message: Message }
  | { state: 'too soon' }
  | { state: 'no recipient' }
  | { state: 'lease lost' }

/** Who writes which kind of mail. */
export type MailWriters = Record<string, (mail: ClaimedMail) => Promise<WrittenMail>>

export type Delivery = { stop: () => Promise<void> }

/**
 * Sends what is in the outbox until it is stopped. While the mail server is in trouble nothing is claimed; it is asked
 * every few seconds whether it is well again. `stop` resolves when the mails in hand are finished.
 */
export function startDelivery(db: Database, server: MailServer, writers: MailWriters, log: Logger): Delivery {
  const inHand = new Map<ClaimedMail, Promise<void>>()
  const stopping = new AbortController()
  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {})
  // Until the first probe nobody knows, and a mail is no way to find out.
  let isWell = false

  async function run(): Promise<void> {
    for (let attempts = 0; !stopping.signal.aborted; attempts = isWell ? 0 : attempts + 1) {
      try {
        if (isWell) await takeSome()
        else await probe(attempts)
      } catch (error) {
        log.error({ err: error }, 'The outbox cannot be read, so mail waits')
        await pause(1000)
      }
    }
    await Promise.all(inHand.values())
  }

  async function probe(attempts: number): Promise<void> {
    const trouble = await server.probe()
    await heard(trouble)
    if (trouble) await pause(Math.min(1000 * 2 ** attempts, 15_000))
  }

  async function heard(trouble: string | undefined): Promise<void> {
    isWell = trouble === undefined
    const isNews = await reportMailServer(db, trouble)
    if (isNews && trouble) log.warn(`Mail waits and is sent later. ${trouble}`)
    if (isNews && !trouble) log.info('The mail server answers again, and waiting mail is sent')
  }

  async function takeSome(): Promise<void> {
    const free = server.connections - inHand.size
    const mails = await claimMails(db, free)
    for (const mail of mails)
      inHand.set(
        mail,
        deliver(mail).finally(() => inHand.delete(mail)),
      )
    if (mails.length < free) await pause(200 + 100 * Math.random())
    else await Promise.race(inHand.values())
  }

  async function deliver(mail: ClaimedMail): Promise<void> {
    const written = await write(mail)
    if ('state' in written) return written.state === 'lease lost' ? undefined : settle(mail, written)
    const result = await server.send({ id: mail.id, to: written.to, ...written.message })
    await settle(mail, outcomeOf(mail, result))
    if (result.verdict === 'trouble') await heard(result.reply).catch(() => {})
  }

  async function write(mail: ClaimedMail): Promise<WrittenMail | Outcome> {
    try {
      const writer = writers[mail.kind]
      if (!writer) throw new Error(`No part of this release writes mails of the kind "${mail.kind}".`)
      return await writer(mail)
    } catch (error) {
      log.error({ err: error, mail: mail.id, kind: mail.kind }, 'A mail could not be written, and is tried again')
      return putOff(mail, `It could not be written: ${String(error)}`)
    }
  }

  /** What became of a mail is worth waiting for: forgotten, it would be sent twice. */
  async function settle(mail: ClaimedMail, outcome: Outcome): Promise<void> {
    const about = { mail: mail.id, kind: mail.kind, reply: outcome.reply }
    if (outcome.state === 'failed') log.error(about, 'A mail failed for good')
    else log.debug(about, `A mail is ${outcome.state}`)
    for (;;) {
      try {
        return await settleMail(db, mail, outcome)
      } catch (error) {
        log.error({ err: error, ...about }, 'What became of a mail cannot be written down yet')
        await sleep(1000)
      }
    }
  }

  const renewal = setInterval(() => {
    if (inHand.size === 0) return
    renewLeases(db, [...inHand.keys()]).catch((error: unknown) => log.warn({ err: error }, 'Leases were not renewed'))
  }, 5000)
  const running = run()
  return {
    stop: async () => {
      stopping.abort()
      await running
      clearInterval(renewal)
      server.close()
    },
  }
}

function outcomeOf(mail: ClaimedMail, { verdict, reply }: SendResult): Outcome {
  if (verdict === 'sent' || verdict === 'held') return { state: verdict, reply }
  return verdict === 'never' ? { state: 'failed', reply } : putOff(mail, reply)
}

const backOffSeconds = [1, 5, 15, 60, 300, 900]

/** Later, with growing patience; for good after 24 hours, when nobody waits for the mail any more. */
function putOff({ attempts, ageSeconds }: ClaimedMail, reply: string): Outcome {
  if (ageSeconds > 24 * 3600) return { state: 'failed', reply }
  const delaySeconds = backOffSeconds[attempts - 1] ?? 1800
  return { state: 'deferred', reply, delaySeconds: delaySeconds * (0.8 + 0.4 * Math.random()) }
}
