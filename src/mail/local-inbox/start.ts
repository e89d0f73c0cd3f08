import { once } from 'node:events'
import { chmodSync, mkdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StartError } from '../../errors.ts'

export type LocalInbox = { smtpPort: number; url: string; stop: () => Promise<void> }

/**
 * Starts a mail server for development that keeps all mail in `dataDir` and shows it on a page. It listens on this machine
 * only and forwards nothing. It runs in a thread, so that its work does not delay requests. Returns undefined if MailDev
 * is not installed, as in the published package.
 */
export async function openLocalInbox(dataDir: string): Promise<LocalInbox | undefined> {
  const file = new URL(`./thread${extname(import.meta.filename)}`, import.meta.url)
  const mailDirectory = join(dataDir, 'inbox')
  mkdirSync(mailDirectory, { recursive: true, mode: 0o700 })
  // Other users of the machine must not read the links in its mails, even if an earlier release made the folder.
  chmodSync(mailDirectory, 0o700)
  const thread = new Worker(file, { workerData: { mailDirectory }, stdout: true })
  const [started]: { smtpPort: number; webPort: number; error?: string }[] = await once(thread, 'message')
  const stop = async () => void (await thread.terminate())
  if (!started || started.error) {
    await stop()
    if (started?.error?.includes("Cannot find package 'maildev'")) return undefined
    // Another process took the port after it was found free.
    if (started?.error?.includes('EADDRINUSE')) return openLocalInbox(dataDir)
    throw new StartError(`The local inbox cannot start: ${started?.error}. Set MAIL_SERVER to use another mail server.`)
  }
  return { smtpPort: started.smtpPort, url: `http://localhost:${started.webPort}`, stop }
}
