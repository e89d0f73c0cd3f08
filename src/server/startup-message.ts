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
  if (!isLoopback(host) && isLoopback(new URL(publicUrl).hostname)) {
    log.warn(
      { event: 'local-public-url' },
      `HOST ${host} accepts connections from other machines, but links in mails start with ${publicUrl}: set PUBLIC_URL to the URL that those machines use.`,
    )
  }
}
