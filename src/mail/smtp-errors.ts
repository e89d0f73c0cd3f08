/** `reply` is for the log: it quotes the server. `advice` names no person or host, so anyone may read it. */
export type ServerProblem = { reply: string; advice: string; isTls?: boolean }

type Classified = ServerProblem & { verdict: 'server down' | 'busy' | 'deferred' | 'failed' }

/** Classifies a Nodemailer error by its SMTP `command`, which shows how far the session got, and by its codes. */
export function classifyError(error: unknown, server: string): Classified {
  if (!(error instanceof Error)) throw error
  const unknownError = { code: '', command: '', response: '', responseCode: 0 }
  const { code, command, response, responseCode } = { ...unknownError, ...error }
  const reply = `${server}: ${toSentence(error)}`
  if (isSignInProblem(responseCode) || code === 'EAUTH') {
    return {
      verdict: 'server down',
      reply,
      advice: 'Check MAIL_USERNAME, MAIL_PASSWORD, MAIL_USE_TLS and MAIL_USE_SSL.',
    }
  }
  if (code === 'ETLS' || isTlsProblem(error)) return { verdict: 'server down', reply, advice: tlsAdvice, isTls: true }
  if (isLimit(responseCode, command)) return { verdict: 'busy', reply, advice: 'It limits how much we send.' }
  // The sender is the same for every mail: if its rejection were final, a wrong setting would lose every mail.
  if (command === 'MAIL FROM') return { verdict: 'deferred', reply, advice: 'Check MAIL_DEFAULT_SENDER.' }
  if (/^(RCPT TO|DATA)/.test(command)) {
    if (responseCode < 500) return { verdict: 'deferred', reply, advice: '' }
    const isFinal = isAboutRecipient({ command, response, responseCode })
    return isFinal ? { verdict: 'failed', reply, advice: '' } : { verdict: 'deferred', reply, advice: refusalAdvice }
  }
  if (/^(EMESSAGE|EENVELOPE|ESTREAM|EABORT)$/.test(code)) return { verdict: 'deferred', reply, advice: '' }
  return {
    verdict: 'server down',
    reply,
    advice: 'Check MAIL_SERVER and MAIL_PORT, and that the mail server is running.',
  }
}

const refusalAdvice =
  'The mail server refuses mail from this service: check its policy for MAIL_DEFAULT_SENDER and the IP address of this machine (SPF, DKIM, block lists, quota).'

/**
 * The server closes the session, or takes no more mails in it (RFC 5321, 4.2.1 and 4.5.3.1): it wants fewer connections,
 * fewer mails on each, or less in all.
 */
function isLimit(responseCode: number, command: string): boolean {
  return responseCode === 421 || (responseCode === 452 && command === 'MAIL FROM')
}

type Refusal = { command: string; response: string; responseCode: number }

/**
 * Returns whether a permanent refusal is about the recipient, so that it concerns this mail only. Any other one, such as
 * a policy, a blocked IP address or a quota of ours, would meet every mail. The enhanced status code decides (RFC 3463): its
 * subject is 1 (address) or 2 (mailbox), except for a bad sender (1.7, 1.8); Microsoft 365 has 4.1 for unknown
 * recipients. Without one, only the refusal of a recipient can be about it.
 */
function isAboutRecipient({ command, response, responseCode }: Refusal): boolean {
  const [, subject, detail] = /^\d{3}[ -]\d\.(\d{1,3})\.(\d{1,3})\b/.exec(response) ?? []
  if (subject === undefined) return command === 'RCPT TO' && [550, 551, 552, 553].includes(responseCode)
  if (subject === '1') return detail !== '7' && detail !== '8'
  return subject === '2' || (subject === '4' && detail === '1')
}

/**
 * Returns one line that ends with a full stop. If several IP addresses were tried, the error has one error for each of
 * them.
 */
function toSentence(error: Error): string {
  const parts = error instanceof AggregateError ? error.errors.map(String) : [error.message]
  const text = parts.sort().join('; ').replace(/\s+/g, ' ').trim().slice(0, 400)
  return text.endsWith('.') ? text : `${text}.`
}

const tlsAdvice =
  'Check MAIL_USE_TLS (STARTTLS, port 587) and MAIL_USE_SSL (port 465), that MAIL_SERVER is the name in its ' +
  'certificate, and that the certificate is trusted: NODE_EXTRA_CA_CERTS adds your own certificate authority.'

/** Codes of OpenSSL, such as ERR_SSL_WRONG_VERSION_NUMBER, and of certificate checks, such as CERT_HAS_EXPIRED. */
function isTlsProblem(error: Error): boolean {
  const codes = { code: '', originalCode: '', ...error }
  return /SSL|TLS|CERT|SIGNATURE|^EPROTO$/.test(`${codes.originalCode || codes.code}`)
}

/** RFC 4954 and RFC 3207: the server requires TLS or authentication first, or rejects the credentials. */
function isSignInProblem(responseCode: number): boolean {
  return [530, 534, 535, 538].includes(responseCode)
}
