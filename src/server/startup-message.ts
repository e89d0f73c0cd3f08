import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/setting-types.ts'
import type { Logger } from './logger.ts'

/** Prints where to find the service and its mail; in production, logs one line instead. */
export function printStartupMessage(
  config: Config,
  log: Logger,
  { inbox, data }: { inbox: { url: string } | undefined; data: string },
) {
  const { publicUrl, host, port, mail, apiReference } = config
  warnAboutNetwork(config, log)
  if (config.production) {
    return log.info({ event: 'started', host, port, publicUrl, data }, `Movie Bag is ready. Data: ${data}`)
  }
  const mailLine = inbox ? `${inbox.url} (all mail goes here; none leaves this machine)` : mail.server
  const lines = [
    ['Service', publicUrl],
    ...(apiReference ? [['API reference', `${publicUrl}/docs`]] : []),
    [
      inbox ? 'Inbox' : 'Mail',
      mailLine ?? 'queued: set MAIL_SERVER, or install MailDev (npm install maildev) for a local inbox',
    ],
    ['Data', data],
  ]
  const width = Math.max(...lines.map(([name = '']) => name.length))
  process.stdout.write(`\nMovie Bag is ready. Press Ctrl-C to stop it.\n\n`)
  for (const [name = '', value] of lines) process.stdout.write(`  ${name.padEnd(width)}  ${value}\n`)
  process.stdout.write('\n')
}

/** Logs a warning for each way in which other machines reach the service that the settings do not match. */
function warnAboutNetwork({ host, publicUrl, trustProxy }: Config, log: Logger): void {
  if (isLoopback(host)) return
  const { protocol, hostname } = new URL(publicUrl)
  if (isLoopback(hostname)) {
    log.warn(
      { event: 'local-public-url' },
      `HOST ${host} accepts connections from other machines, but links in mails start with ${publicUrl}: set PUBLIC_URL to the URL that those machines use.`,
    )
  }
  if (protocol === 'https:' && trustProxy === false) {
    log.warn(
      { event: 'plaintext-http' },
      `HOST ${host} accepts plain http from other machines, and passwords with it, but PUBLIC_URL is ${publicUrl}: set HOST to 127.0.0.1 if the proxy that adds TLS is on this machine, or TRUST_PROXY to its IP address.`,
    )
  }
  if (typeof trustProxy === 'number') {
    log.warn(
      { event: 'any-proxy-trusted' },
      `TRUST_PROXY trusts every machine that connects to HOST ${host}, so clients that reach it directly can choose their IP address and evade the rate limits: set TRUST_PROXY to the IP addresses of the proxies, or HOST to 127.0.0.1.`,
    )
  }
}
