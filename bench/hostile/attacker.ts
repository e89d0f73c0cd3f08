import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** The caller that attacks; the reader calls from 127.0.0.1. */
const localAddress = '127.0.0.2'

type Sent = { port: number; method?: string; path: string; headers?: Record<string, string>; body?: string }

/** Sends requests in so many loops, each reading its answer, until the signal. `next` makes the request of each turn. */
export async function loop(loops: number, signal: AbortSignal, next: (turn: number) => Sent): Promise<void> {
  let turn = 0
  const runs = Array.from({ length: loops }, async () => {
    while (!signal.aborted) {
      turn += 1
      // Refused at once, an attacker would otherwise spend its time on being refused.
      if ((await send(next(turn), signal)) !== 200) await sleep(5)
    }
  })
  await Promise.all(runs)
}

/** The status of the answer, which is read to its end; 0 if there was none. */
function send({ port, method = 'GET', path, headers = {}, body }: Sent, signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    const sent = request(
      { host: '127.0.0.1', port, localAddress, method, path, headers, agent: false, signal },
      (answer) => {
        answer.resume().on('close', () => resolve(answer.statusCode ?? 0))
      },
    )
    sent.on('error', () => resolve(0)).end(body)
  })
}

/** Opens connections, writes the same bytes on each, reads nothing, and opens another for each that is closed. */
export async function writeUnread(
  { port, connections }: { port: number; connections: number },
  bytes: string,
  signal: AbortSignal,
): Promise<void> {
  const open = new Set<Socket>()
  const openOne = () => {
    if (signal.aborted) return
    const socket = connect({ host: '127.0.0.1', port, localAddress })
    open.add(socket)
    socket.pause()
    socket.on('connect', () => socket.write(bytes)).on('error', () => {})
    socket.on('close', () => {
      open.delete(socket)
      setTimeout(openOne, 50)
    })
  }
  for (let count = 0; count < connections; count += 1) openOne()
  if (!signal.aborted) await once(signal, 'abort')
  for (const socket of open) socket.destroy()
}
