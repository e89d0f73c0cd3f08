import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { endChild, startChild } from './children.ts'
import { freePort } from './ports.ts'

/** The SMTP sink of one subject. It can be closed, so that nothing listens on its port, and opened again. */
export type Mailbox = {
  port: number
  open: (delayMilliseconds: number) => Promise<void>
  close: () => Promise<void>
  setDelay: (milliseconds: number) => void
  /** How many addresses have received a reset mail. A mail that arrives twice counts once. */
  delivered: () => number
  /** Waits for the reset mail to an address, and returns its token. */
  tokenFor: (address: string) => Promise<string>
  /** Waits until this many have been delivered, or none has arrived for this many seconds. */
  settle: (delivered: number, silenceSeconds: number) => Promise<void>
}

export async function startMailbox(): Promise<Mailbox> {
  const port = await freePort()
  const tokens = new Map<string, string>()
  const waiting = new Map<string, (token: string) => void>()
  let sink: ChildProcess | undefined
  let lastChange = 0

  function receive(line: string) {
    const [address = '', token = '-'] = line.split(' ')
    if (token === '-') return
    lastChange = Date.now()
    tokens.set(address, token)
    waiting.get(address)?.(token)
    waiting.delete(address)
  }

  async function open(delayMilliseconds: number) {
    const opened = Promise.withResolvers<void>()
    sink = startChild(['bench/sink.ts', `${port}`, `${delayMilliseconds}`], { stdio: ['pipe', 'pipe', 'inherit'] })
    sink.once('exit', () => opened.reject(new Error(`no sink on port ${port}`)))
    if (sink.stdout) {
      createInterface({ input: sink.stdout }).on('line', (line) =>
        line === 'ready' ? opened.resolve() : receive(line),
      )
    }
    await opened.promise
  }
  await open(0)

  return {
    port,
    open,
    close: async () => {
      if (sink) await endChild(sink)
    },
    setDelay: (milliseconds) => sink?.stdin?.write(`${milliseconds}\n`),
    delivered: () => tokens.size,
    tokenFor(address) {
      const known = tokens.get(address)
      if (known) return Promise.resolve(known)
      return new Promise((resolve, reject) => {
        const deadline = setTimeout(() => reject(new Error(`no mail for ${address} within a minute`)), 60_000)
        waiting.set(address, (token) => {
          clearTimeout(deadline)
          resolve(token)
        })
      })
    },
    async settle(delivered, silenceSeconds) {
      lastChange = Date.now()
      while (tokens.size < delivered && Date.now() - lastChange < silenceSeconds * 1000) await pause(50)
    },
  }
}
