import { createTransport } from 'nodemailer'
import type { Config } from '../config/config.ts'
import { classifyError, type ServerProblem } from './smtp-errors.ts'

export type Message = { subject: string; text: string; html: string }

/** A message to a recipient. Its id becomes the Message-ID. */
type AddressedMessage = Message & { id: string; to: string }

/**
 * `suppressed`: not handed over because of `MAIL_SUPPRESS_SEND`. `server down`: no mail gets through. `deferred`: the
 * server does not accept this mail now. `failed`: it rejects this mail permanently.
 */
export type SendResult = { verdict: 'sent' | 'suppressed' | 'server down' | 'deferred' | 'failed'; reply: string }

export type MailServer = {
  /** How many mails can be sent to it at the same time. */
  connections: number
  sendMail: (message: AddressedMessage) => Promise<SendResult>
  /** Connects and authenticates without sending a mail. Returns the problem, if any. */
  checkConnection: () => Promise<ServerProblem | undefined>
  /** Closes every connection immediately. A mail that is being sent gets the verdict "server down". */
  close: () => void
}

const connections = 10

/** Returns the mail server that the settings describe. Without `MAIL_SERVER`, mail waits in the outbox. */
export function mailServer(mail: Config['mail']): MailServer {
  if (mail.suppressSend) {
    return { connections, sendMail: async () => suppressed, checkConnection: async () => undefined, close: () => {} }
  }
  if (!mail.server) {
    return { connections, sendMail: async () => unset, checkConnection: async () => unset, close: () => {} }
  }
  const transport = openTransport(mail, mail.server)
  const smtp = { transport, from: mail.defaultSender, name: `${mail.server}:${smtpPort(mail)}` }
  return {
    connections,
    sendMail: (message) => sendMail(smtp, message),
    checkConnection: () => checkConnection(smtp),
    close: () => transport.close({ force: true }),
  }
}

const suppressed: SendResult = { verdict: 'suppressed', reply: 'Not sent: MAIL_SUPPRESS_SEND is on.' }
const unset = { verdict: 'server down', reply: 'MAIL_SERVER is not set.', advice: 'Set MAIL_SERVER.' } as const

function openTransport(mail: Config['mail'], host: string) {
  const { dkimDomain, dkimSelector, dkimKey } = mail
  return createTransport({
    pool: true,
    maxConnections: connections,
    maxRequeues: 0,
    host,
    port: smtpPort(mail),
    secure: mail.useSsl,
    requireTLS: mail.useTls,
    // With neither setting, TLS is used if the server offers it, and its certificate is not checked.
    tls: { rejectUnauthorized: mail.useSsl || mail.useTls },
    ...(mail.username && mail.password && { auth: { user: mail.username, pass: mail.password } }),
    ...(dkimDomain &&
      dkimSelector &&
      dkimKey && { dkim: { domainName: dkimDomain, keySelector: dkimSelector, privateKey: dkimKey } }),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    dnsTimeout: 10_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

function smtpPort({ port, useSsl, useTls }: Config['mail']): number {
  return port ?? (useSsl ? 465 : useTls ? 587 : 25)
}

type Smtp = { transport: ReturnType<typeof openTransport>; from: Config['mail']['defaultSender']; name: string }

async function sendMail({ transport, from, name }: Smtp, message: AddressedMessage): Promise<SendResult> {
  const { id, to, subject, text, html } = message
  try {
    const sent = await transport.sendMail({
      from,
      to: { name: '', address: to },
      envelope: { from: from.address, to: [to] },
      messageId: `<${id}@${from.address.split('@').at(-1)}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
      subject,
      text,
      html,
      signal: AbortSignal.timeout(60_000),
    })
    return { verdict: 'sent', reply: sent.response }
  } catch (error) {
    const { verdict, reply, advice } = classifyError(error, name)
    return { verdict, reply: `${reply} ${advice}`.trim() }
  }
}

async function checkConnection({ transport, name }: Smtp): Promise<ServerProblem | undefined> {
  try {
    await transport.verify()
    return undefined
  } catch (error) {
    return classifyError(error, name)
  }
}
