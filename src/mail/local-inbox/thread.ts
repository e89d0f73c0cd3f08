import type { IncomingMessage, Server } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import getPort from 'get-port'

start(workerData.mailDirectory).then(
  (ports) => parentPort?.postMessage(ports),
  (error: unknown) => parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) }),
)

async function start(mailDirectory: string): Promise<{ smtpPort: number; webPort: number }> {
  const { MailDev } = await import('maildev')
  const host = '127.0.0.1'
  // MailDev's usual ports, or any others if those are taken.
  const smtpPort = await getPort({ port: 1025, host })
  const webPort = await getPort({ port: 1080, host })
  const onThisMachine = { ip: '127.0.0.1', webIp: '127.0.0.1' }
  const inbox = new MailDev({ smtp: smtpPort, web: webPort, mailDirectory, silent: true, ...onThisMachine })
  const { api } = await inbox.start()
  if (api) refuseOtherSites(api.server.server)
  return { smtpPort, webPort }
}

/**
 * MailDev accepts requests from every site, so any page open in the developer's browser could read links in mails. This
 * allows only requests from its own page, to a host name that nobody else can point to this machine (DNS rebinding).
 */
function refuseOtherSites(server: Server): void {
  for (const event of ['request', 'upgrade']) {
    const listeners = server.listeners(event)
    server.removeAllListeners(event)
    server.on(event, (request: IncomingMessage, ...rest) => {
      if (!isOurs(request)) request.socket.end(forbidden)
      else for (const listener of listeners) listener.call(server, request, ...rest)
    })
  }
}

const forbidden = 'HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'

function isOurs({ headers: { host = '', origin } }: IncomingMessage): boolean {
  const isLocal = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host)
  return isLocal && (origin === undefined || origin === `http://${host}`)
}
