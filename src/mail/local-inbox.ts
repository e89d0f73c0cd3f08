import { createServer } from 'node:net'

export type LocalInbox = { smtpPort: number; url: string; stop: () => Promise<void> }

/**
 * A mail server that keeps what it gets, with a page to read it, for trying things out: it listens on this machine only
 * and sends nothing anywhere. Undefined where MailDev, which is not part of an installed package, is missing.
 */
export async function openLocalInbox(): Promise<LocalInbox | undefined> {
  const maildev = await import('maildev').catch(() => undefined)
  if (!maildev) return undefined
  const [smtp, web] = [await freePort(1025), await freePort(1080)]
  const inbox = new maildev.MailDev({
    smtp,
    ip: '127.0.0.1',
    web,
    webIp: '127.0.0.1',
    silent: true,
  })
  await inbox.start()
  return { smtpPort: smtp, url: `http://localhost:${web}`, stop: () => inbox.stop() }
}

/** The port that one would look for first, or any other where that is taken. */
function freePort(preferred: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', () => (preferred === 0 ? reject(new Error('No port is free')) : resolve(freePort(0))))
    server.listen(preferred, '127.0.0.1', () => {
      const address = server.address()
      const port = address && typeof address === 'object' ? address.port : preferred
      server.close(() => resolve(port))
    })
  })
}
