import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A mail as it arrived: parsed, and as its bytes came. */
export type ReceivedMail = ParsedMail & { recipients: string[]; raw: string }

export type Smtp = {
  port: number
  /** In the order of their arrival, without those that ask to confirm the address of a new account. */
  mails: ReceivedMail[]
  /** Those that ask to confirm the address of a new account. */
  verifications: ReceivedMail[]
  /** The mail of that order, from 1, to an address; waits up to 30 seconds for it. */
  mailTo: (address: string, order?: number) => Promise<ReceivedMail>
  /** The mail that asks to confirm the address of a new account. */
  verificationTo: (address: string) => Promise<ReceivedMail>
  /** The token of the reset link in that mail. */
  tokenFor: (address: string, order?: number) => Promise<string>
  stop: () => Promise<void>
}

/** An SMTP server that keeps what it gets. `options` are those of `smtp-server`, with which it can be made to misbehave. */
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
      const pile = parsed.subject === '[Movie-bag] Confirm your e-mail address' ? verifications : mails
      pile.push({ ...parsed, recipients, raw: raw.toString('latin1') })
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

  const mailTo = (recipient: string, order = 1) => arrival(mails, recipient, order)

  async function arrival(pile: ReceivedMail[], recipient: string, order: number): Promise<ReceivedMail> {
    for (let waited = 0; waited < 30_000; waited += 20) {
      const mail = pile.filter((one) => one.recipients.includes(recipient))[order - 1]
      if (mail) return mail
      await sleep(20)
    }
    throw new Error(
      `Mail ${order} to ${recipient} did not arrive within 30 seconds; ${mails.length} mails came at all.`,
    )
  }
  return {
    port: address.port,
    mails,
    verifications,
    mailTo,
    verificationTo: (recipient) => arrival(verifications, recipient, 1),
    tokenFor: async (recipient, order) => tokenIn(await mailTo(recipient, order)),
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function tokenIn(mail: ReceivedMail): string {
  const token = /\/reset\/([a-z2-7]{26})\s/.exec(mail.text ?? '')?.[1]
  if (!token) throw new Error(`No link is in the mail "${mail.subject}".`)
  return token
}
