/** `reply` is for the log: it quotes the server. `advice` names no person or host, so anyone may read it. */
export type ServerProblem = { reply: string; advice: string }

type Classified = ServerProblem & { verdict: 'server down' | 'deferred' | 'failed' }

/** Classifies a Nodemailer error by its SMTP `command`, which shows how far the session got, and by its codes. */
export function classifyError(error: unknown, server: string): Classified {
  if (!(error instanceof Error)) throw error
  const unknownError = { code: '', command: '', responseCode: 0, permanent: false }
  const { code, command, responseCode, permanent } = { ...unknownError, ...error }
  const reply = `${server}: ${toSentence(error)}`
  if (isSignInProblem(responseCode) || code === 'EAUTH') {
    return {
      verdict: 'server down',
      reply,
      advice: 'Check MAIL_USERNAME, MAIL_PASSWORD, MAIL_USE_TLS and MAIL_USE_SSL.',
    }
  }
  if (code === 'ETLS' || isTlsProblem(error)) return { verdict: 'server down', reply, advice: tlsAdvice }
  // The sender is the same for every mail: if its rejection were final, a wrong setting would lose every mail.
  if (command === 'MAIL FROM') return { verdict: 'deferred', reply, advice: 'Check MAIL_DEFAULT_SENDER.' }
  if (/^(RCPT TO|DATA)/.test(command)) return { verdict: permanent ? 'failed' : 'deferred', reply, advice: '' }
  if (/^(EMESSAGE|EENVELOPE|ESTREAM|EABORT)$/.test(code)) return { verdict: 'deferred', reply, advice: '' }
  return {
    verdict: 'server down',
    reply,
    advice: 'Check MAIL_SERVER and MAIL_PORT, and that the mail server is running.',
  }
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
