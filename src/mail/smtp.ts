import { createTransport } from 'nodemailer'
import type { Config } from '../config/config.ts'

export type Message = { subject: string; text: string; html: string }

export type Letter = Message & { id: string; to: string }

/**
 * `held`: nothing is handed over, by `MAIL_SUPPRESS_SEND`.
 * `trouble`: the server cannot be reached or does not let us in, so that no mail will pass. `later`: it wants this mail
 * another time. `never`: it refuses this mail.
 */
export type SendResult = { verdict: 'sent' | 'suppressed' | 'trouble' | 'later' | 'never'; reply: string }

/** `reply` is for the log: it quotes the server. `advice` names nobody and no host, so that strangers may read it. */
export type ServerTrouble = { reply: string; advice: string }

export type MailServer = {
  /** How many mails it takes at once. */
  connections: number
  send: (letter: Letter) => Promise<SendResult>
  /** Connects and signs in without sending; answers the trouble, if there is any. */
  probe: () => Promise<ServerTrouble | undefined>
  /** Ends every connection; a mail that one has in hand meets trouble. */
  close: () => void
}

const connections = 10

/** Where mail goes according to the settings. Without `MAIL_SERVER` it waits. */
export function mailServer({ mail }: Pick<Config, 'mail'>): MailServer {
  if (mail.suppressSend) return { connections, send: async () => held, probe: async () => undefined, close: () => {} }
  if (mail.server) return smtpServer(mail, mail.server)
  return { connections, send: async () => unset, probe: async () => unset, close: () => {} }
}

const held: SendResult = { verdict: 'suppressed', reply: 'Written, and not handed over: MAIL_SUPPRESS_SEND is on.' }
const unset = { verdict: 'trouble', reply: 'MAIL_SERVER is not set.', advice: 'Set MAIL_SERVER.' } as const

function smtpServer(mail: Config['mail'], server: string): MailServer {
  const { dkimDomain, dkimSelector, dkimKey } = mail
  const port = mail.port ?? (mail.useSsl ? 465 : mail.useTls ? 587 : 25)
  const transport = createTransport({
    pool: true,
    maxConnections: connections,
    maxRequeues: 0,
    host: server,
    port,
    secure: mail.useSsl,
    requireTLS: mail.useTls,
    // Without either setting TLS is taken where it is offered; a certificate that nobody asked for is not judged.
    tls: { rejectUnauthorized: mail.useSsl || mail.useTls },
    ...(mail.username && mail.password && { auth: { user: mail.username, pass: mail.password } }),
    ...(dkimDomain &&
      dkimSelector &&
      dkimKey && {
        dkim: { domainName: dkimDomain, keySelector: dkimSelector, privateKey: dkimKey },
      }),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    dnsTimeout: 10_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const from = mail.defaultSender
  const domain = from.address.split('@').at(-1)

  async function send({ id, to, subject, text, html }: Letter): Promise<SendResult> {
    try {
      const sent = await transport.sendMail({
        from,
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        messageId: `<${id}@${domain}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
        subject,
        text,
        html,
        signal: AbortSignal.timeout(60_000),
      })
      return { verdict: 'sent', reply: sent.response }
    } catch (error) {
      const { verdict, reply, advice } = classifyError(error, `${server}:${port}`)
      return { verdict, reply: `${reply} ${advice}`.trim() }
    }
  }
  async function probe() {
    try {
      await transport.verify()
      return undefined
    } catch (error) {
      return classifyError(error, `${server}:${port}`)
    }
  }
  return { connections, send, probe, close: () => transport.close({ force: true }) }
}

/** What an error of `nodemailer` means: its `command` tells how far the dialogue came, its `responseCode` the answer. */
function classifyError(error: unknown, server: string): SendResult & ServerTrouble {
  if (!(error instanceof Error)) throw error
  const { code, command, responseCode, permanent } = {
    code: '',
    command: '',
    responseCode: 0,
    permanent: false,
    ...error,
  }
  const reply = `${server}: ${sentenceOf(error)}`
  if (isSignInTrouble(responseCode) || code === 'EAUTH') {
    return { verdict: 'trouble', reply, advice: 'Check MAIL_USERNAME, MAIL_PASSWORD, MAIL_USE_TLS and MAIL_USE_SSL.' }
  }
  if (code === 'ETLS' || isTlsTrouble(error)) {
    return { verdict: 'trouble', reply, advice: tlsAdvice }
  }
  // Who sends is the same for every mail: were it final, a wrong setting would lose them all.
  if (command === 'MAIL FROM') return { verdict: 'later', reply, advice: 'Check MAIL_DEFAULT_SENDER.' }
  if (/^(RCPT TO|DATA)/.test(command)) return { verdict: permanent ? 'never' : 'later', reply, advice: '' }
  if (/^(EMESSAGE|EENVELOPE|ESTREAM|EABORT)$/.test(code)) return { verdict: 'later', reply, advice: '' }
  return { verdict: 'trouble', reply, advice: 'Check MAIL_SERVER and MAIL_PORT, and that the mail server runs.' }
}

/** One line that ends with a full stop. The parts of a failed attempt at several addresses are told one by one. */
function sentenceOf(error: Error): string {
  const parts = error instanceof AggregateError ? error.errors.map(String) : [error.message]
  const text = parts.sort().join('; ').replace(/\s+/g, ' ').trim().slice(0, 400)
  return text.endsWith('.') ? text : `${text}.`
}

const tlsAdvice =
  'Check MAIL_USE_TLS (STARTTLS, port 587) and MAIL_USE_SSL (port 465), that MAIL_SERVER is the name in its ' +
  'certificate, and that the certificate is trusted: NODE_EXTRA_CA_CERTS names the file of an authority of your own.'

/** Codes of OpenSSL, such as ERR_SSL_WRONG_VERSION_NUMBER, and of the judgement on certificates, such as CERT_HAS_EXPIRED. */
function isTlsTrouble(error: Error): boolean {
  const codes = { code: '', originalCode: '', ...error }
  return /SSL|TLS|CERT|SIGNATURE|^EPROTO$/.test(`${codes.originalCode || codes.code}`)
}

/** RFC 4954 and RFC 3207: the server wants TLS or a sign-in first, or refuses the one it got. */
function isSignInTrouble(responseCode: number): boolean {
  return [530, 534, 535, 538].includes(responseCode)
}
