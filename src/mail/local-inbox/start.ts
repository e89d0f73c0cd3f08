import { once } from 'node:events'
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StartError } from '../../errors.ts'

export type LocalInbox = { smtpPort: number; url: string; stop: () => Promise<void> }

/**
 * A mail server that keeps what it gets, in `dataDir`, with a page to read it, for trying things out: it listens on this
 * machine only and sends nothing anywhere. It has a thread of its own, for its work must not delay requests. Undefined
 * where MailDev is missing, which is no part of an installed package.
 */
export async function openLocalInbox(dataDir: string): Promise<LocalInbox | undefined> {
  const file = new URL(`./thread${extname(import.meta.filename)}`, import.meta.url)
  const thread = new Worker(file, { workerData: { mailDirectory: join(dataDir, 'inbox') }, stdout: true })
  const [started]: { smtpPort: number; webPort: number; error?: string }[] = await once(thread, 'message')
  const stop = async () => void (await thread.terminate())
  if (!started || started.error) {
    await stop()
    if (started?.error?.includes("Cannot find package 'maildev'")) return undefined
    // The port was free when it was looked for, and another service was faster to take it.
    if (started?.error?.includes('EADDRINUSE')) return openLocalInbox(dataDir)
    throw new StartError(`The local inbox cannot start: ${started?.error}. Set MAIL_SERVER to use another mail server.`)
  }
  return { smtpPort: started.smtpPort, url: `http://localhost:${started.webPort}`, stop }
}
