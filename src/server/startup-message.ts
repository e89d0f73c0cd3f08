import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/setting-types.ts'
import type { Logger } from './logger.ts'

/** The first lines that a stranger reads; in production, one for the log. */
export function printStartupMessage(
  config: Config,
  log: Logger,
  { inbox, data }: { inbox: { url: string } | undefined; data: string | undefined },
) {
  const { publicUrl, host, port, mail } = config
  if (config.production) return log.info({ host, port, publicUrl }, 'Movie Bag serves')
  const mailLine = inbox ? `${inbox.url} (all mail lands here; nothing leaves this machine)` : mail.server
  const lines = [
    ['Service', publicUrl],
    ['API reference', `${publicUrl}/docs`],
    [
      inbox ? 'Inbox' : 'Mail',
      mailLine ?? 'waits: set MAIL_SERVER, or install MailDev (npm install maildev) for an inbox here',
    ],
    ['Data', data ?? 'in the database of DATABASE_URL'],
  ]
  const width = Math.max(...lines.map(([name = '']) => name.length))
  process.stdout.write(`\nMovie Bag is ready. Ctrl-C stops it.\n\n`)
  for (const [name = '', value] of lines) process.stdout.write(`  ${name.padEnd(width)}  ${value}\n`)
  process.stdout.write('\n')
  if (!isLoopback(host) && isLoopback(new URL(publicUrl).hostname)) {
    log.warn(
      `HOST ${host} is open to others, but the links in mails begin with ${publicUrl}: set PUBLIC_URL to what they open.`,
    )
  }
}
