import { performance } from 'node:perf_hooks'
import { type Client, expectSuccess, openClient } from './client.ts'
import { percentile } from './numbers.ts'

export type Load = {
  port: number
  clients: number
  /** Makes the request with this number, counted from 0 across all clients. */
  request: (n: number) => string
  /** Ends after this many seconds or requests, whichever comes first. */
  seconds?: number
  requests?: number
}

/** `p99` is in milliseconds. */
export type Outcome = { perSecond: number; p99: number }

/** Each client sends its next request when it has the response to its last. Throws at the first response that is not 200. */
export async function runLoad({
  port,
  clients,
  request,
  seconds = Infinity,
  requests = Infinity,
}: Load): Promise<Outcome> {
  const latencies: number[] = []
  const started = performance.now()
  let next = 0
  await withClients(port, clients, async (client) => {
    while (next < requests && performance.now() - started < seconds * 1000) {
      const sent = performance.now()
      expectSuccess(await client.send(request(next++)))
      latencies.push(performance.now() - sent)
    }
  })
  const took = (performance.now() - started) / 1000
  return { perSecond: latencies.length / took, p99: percentile(latencies, 99) }
}

/** Runs the same work on several connections concurrently, and closes each when its work is done. */
export async function withClients(
  port: number,
  clients: number,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  const workers = Array.from({ length: clients }, async () => {
    const client = await openClient(port)
    try {
      await work(client)
    } finally {
      client.close()
    }
  })
  await Promise.all(workers)
}
