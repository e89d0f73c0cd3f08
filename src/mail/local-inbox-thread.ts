import { createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

start(workerData.mailDirectory).then(
  (ports) => parentPort?.postMessage(ports),
  (error: unknown) => parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) }),
)

async function start(mailDirectory: string): Promise<{ smtpPort: number; webPort: number }> {
  const { MailDev } = await import('maildev')
  const [smtpPort, webPort] = [await freePort(1025), await freePort(1080)]
  const onThisMachine = { ip: '127.0.0.1', webIp: '127.0.0.1' }
  await new MailDev({ smtp: smtpPort, web: webPort, mailDirectory, silent: true, ...onThisMachine }).start()
  return { smtpPort, webPort }
}

/** The port that one would look for first, or any other where that is taken. */
function freePort(preferred: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => (preferred === 0 ? reject(error) : resolve(freePort(0))))
    server.listen(preferred, '127.0.0.1', () => {
      const address = server.address()
      const port = address && typeof address === 'object' ? address.port : preferred
      server.close(() => resolve(port))
    })
  })
}
