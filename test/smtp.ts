import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A mail as it arrived, parsed and raw. */
export type ReceivedMail = ParsedMail & { recipients: string[]; raw: string }

export type Smtp = {
  port: number
  /** In order of arrival, without the verification mails of new accounts. */
  mails: ReceivedMail[]
  /** The verification mails of new accounts. */
  verifications: ReceivedMail[]
  /** Waits up to 30 seconds for the nth mail to a recipient, counted from 1. */
  mailTo: (recipient: string, n?: number) => Promise<ReceivedMail>
  /** Waits for the verification mail to a recipient. */
  verificationTo: (recipient: string) => Promise<ReceivedMail>
  /** Returns the token of the reset link in the nth mail to a recipient. */
  tokenFor: (recipient: string, n?: number) => Promise<string>
  stop: () => Promise<void>
}

/** Starts an SMTP server that keeps its mails. The `options` of `smtp-server` can make it misbehave. */
export async function startSmtp(options: SMTPServerOptions = {}, port = 0): Promise<Smtp> {
  const mails: ReceivedMail[] = []
  const verifications: ReceivedMail[] = []
  const sockets = new Set<Socket>()
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData: async (stream, session, done) => {
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk)
      const raw = Buffer.concat(chunks)
      const parsed = await simpleParser(raw, { skipTextToHtml: true })
      const recipients = session.envelope.rcptTo.map((recipient) => recipient.address)
      const received = parsed.subject === '[Movie-bag] Confirm your email address' ? verifications : mails
      received.push({ ...parsed, recipients, raw: raw.toString('latin1') })
      done()
    },
    ...options,
  })
  server.on('error', () => {})
  server.server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address() as AddressInfo

  const mailTo = (recipient: string, n = 1) => waitForMail(mails, recipient, n)

  async function waitForMail(received: ReceivedMail[], recipient: string, n: number): Promise<ReceivedMail> {
    for (let waited = 0; waited < 30_000; waited += 20) {
      const mail = received.filter(({ recipients }) => recipients.includes(recipient))[n - 1]
      if (mail) return mail
      await sleep(20)
    }
    throw new Error(`Mail ${n} to ${recipient} did not arrive within 30 seconds; ${mails.length} mails arrived.`)
  }
  return {
    port: address.port,
    mails,
    verifications,
    mailTo,
    verificationTo: (recipient) => waitForMail(verifications, recipient, 1),
    tokenFor: async (recipient, n) => readToken(await mailTo(recipient, n)),
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function readToken(mail: ReceivedMail): string {
  const token = /\/reset\/([a-z2-7]{26})\s/.exec(mail.text ?? '')?.[1]
  if (!token) throw new Error(`The mail "${mail.subject}" has no reset link.`)
  return token
}
