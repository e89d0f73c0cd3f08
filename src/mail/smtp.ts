import { domainToASCII } from 'node:url'
import { createTransport } from 'nodemailer'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { classifyError, type ServerProblem } from './smtp-errors.ts'

export type Message = { subject: string; text: string; html: string }

/** A message to a recipient. Its id becomes the Message-ID. */
type AddressedMessage = Message & { id: string; to: string }

/**
 * `suppressed`: not handed over because of `MAIL_SUPPRESS_SEND`. `server down`: no mail gets through. `busy`: the server
 * wants fewer connections or mails. `deferred`: it does not accept this mail now. `failed`: it rejects this mail
 * permanently.
 */
export type SendResult = {
  verdict: 'sent' | 'suppressed' | 'server down' | 'busy' | 'deferred' | 'failed'
  reply: string
}

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

/** How long to wait for the server, in milliseconds: for a connection, for its greeting, and for each reply. */
type SmtpTimeouts = { connection: number; greeting: number; reply: number }

/** The last two from RFC 5321, 4.5.3.2: a server that was given up on after the final dot may still deliver the mail. */
const standardTimeouts: SmtpTimeouts = { connection: 30_000, greeting: 5 * 60_000, reply: 10 * 60_000 }

type MailSettings = Pick<Config, 'mail' | 'publicUrl'>

type Options = { log: Pick<Logger, 'warn'>; timeouts?: SmtpTimeouts }

/** Returns the mail server that the settings describe. Without `MAIL_SERVER`, mail waits in the outbox. */
export function mailServer(
  { mail, publicUrl }: MailSettings,
  { log, timeouts = standardTimeouts }: Options,
): MailServer {
  if (mail.suppressSend) {
    return { connections, sendMail: async () => suppressed, checkConnection: async () => undefined, close: () => {} }
  }
  if (!mail.server) {
    return { connections, sendMail: async () => unset, checkConnection: async () => unset, close: () => {} }
  }
  const host = mail.server
  const name = clientName(publicUrl, mail.defaultSender.address)
  let ignoresTls = false
  const open = () => openTransport(mail, { host, name, timeouts, ignoresTls })
  const smtp: Smtp = { transport: open(), from: mail.defaultSender, server: `${host}:${smtpPort(mail)}` }
  /** Those before it may still be sending. */
  let earlier: Transport[] = []

  function replaceConnections(): void {
    smtp.transport.close()
    earlier = [smtp.transport, ...earlier].slice(0, connections)
    smtp.transport = open()
  }

  /** Only if the settings let TLS be optional. It is tried again after an hour. */
  function goOnWithoutTls({ reply }: ServerProblem): void {
    log.warn(
      { event: 'mail-without-tls' },
      `The mail server offers TLS that does not work; mail goes without it. ${reply}`,
    )
    ignoresTls = true
    setTimeout(() => {
      ignoresTls = false
      replaceConnections()
    }, 3_600_000).unref()
    replaceConnections()
  }

  return {
    connections,
    sendMail: async (message) => {
      const result = await sendMail(smtp, message)
      // The server may limit the mails of each connection, so the next go over others.
      if (result.verdict === 'busy') replaceConnections()
      return result
    },
    checkConnection: async () => {
      const problem = await checkConnection(smtp)
      if (!problem?.isTls || mail.useTls || mail.useSsl || ignoresTls) return problem
      goOnWithoutTls(problem)
      return checkConnection(smtp)
    },
    close: () => {
      for (const transport of [smtp.transport, ...earlier]) transport.close({ force: true })
    },
  }
}

/**
 * Returns the name that we give in EHLO (RFC 5321, 4.1.4): the site's host, or else the sender's domain. Many servers refuse
 * a client that calls itself localhost or 127.0.0.1.
 */
function clientName(publicUrl: string, sender: string): string {
  const { hostname } = new URL(publicUrl)
  const isDomainName = hostname.includes('.') && !/^[\d.]+$/.test(hostname)
  return isDomainName ? hostname : domainToASCII(sender.split('@').at(-1) ?? '')
}

const suppressed: SendResult = { verdict: 'suppressed', reply: 'Not sent: MAIL_SUPPRESS_SEND is on.' }
const unset = { verdict: 'server down', reply: 'MAIL_SERVER is not set.', advice: 'Set MAIL_SERVER.' } as const

type Endpoint = { host: string; name: string; timeouts: SmtpTimeouts; ignoresTls: boolean }

function openTransport(mail: Config['mail'], { host, name, timeouts, ignoresTls }: Endpoint) {
  const { dkimDomain, dkimSelector, dkimKey } = mail
  return createTransport({
    pool: true,
    maxConnections: connections,
    maxRequeues: 0,
    host,
    name,
    port: smtpPort(mail),
    secure: mail.useSsl,
    requireTLS: mail.useTls,
    ignoreTLS: ignoresTls,
    // With neither setting, TLS is used if the server offers it, and its certificate is not checked.
    tls: { rejectUnauthorized: mail.useSsl || mail.useTls },
    ...(mail.username && mail.password && { auth: { user: mail.username, pass: mail.password } }),
    ...(dkimDomain &&
      dkimSelector &&
      dkimKey && { dkim: { domainName: dkimDomain, keySelector: dkimSelector, privateKey: dkimKey } }),
    connectionTimeout: timeouts.connection,
    greetingTimeout: timeouts.greeting,
    socketTimeout: timeouts.reply,
    dnsTimeout: 10_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

function smtpPort({ port, useSsl, useTls }: Config['mail']): number {
  return port ?? (useSsl ? 465 : useTls ? 587 : 25)
}

type Transport = ReturnType<typeof openTransport>
type Smtp = { transport: Transport; from: Config['mail']['defaultSender']; server: string }

async function sendMail(smtp: Smtp, message: AddressedMessage): Promise<SendResult> {
  const { transport, from, server } = smtp
  const { id, to, subject, text, html } = message
  try {
    const sent = await transport.sendMail({
      from,
      to: { name: '', address: to },
      envelope: { from: from.address, to: [to] },
      messageId: `<${id}@${domainToASCII(from.address.split('@').at(-1) ?? '')}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
      subject,
      text,
      html,
      // A report that a mail was not delivered must not return its links to whoever reads the sender's mailbox (RFC 3461).
      dsn: { ret: 'HDRS' },
    })
    return { verdict: 'sent', reply: sent.response }
  } catch (error) {
    // The mail still waited for a connection when the others were replaced.
    const wasReplaced = transport !== smtp.transport && error instanceof Error && error.message === poolClosed
    if (wasReplaced) return sendMail(smtp, message)
    const { verdict, reply, advice } = classifyError(error, server)
    return { verdict, reply: `${reply} ${advice}`.trim() }
  }
}

const poolClosed = 'Connection pool was closed'

async function checkConnection({ transport, server }: Smtp): Promise<ServerProblem | undefined> {
  try {
    await transport.verify()
    return undefined
  } catch (error) {
    return classifyError(error, server)
  }
}
