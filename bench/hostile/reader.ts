import { once } from 'node:events'
import { get as request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { percentile } from '../numbers.ts'

export type Felt = { p50: number; p99: number; requests: number; failures: number }

/** A well-behaved reader in a thread of its own, so that the attacker's work does not count as the service's. */
export function startReader(port: number, path?: string): { stop: () => Promise<Felt> } {
  const paths = ['/health/live', '/api/movies?limit=20', '/api/movies/1', ...(path ? [path] : [])]
  const worker = new Worker(new URL(import.meta.url), { workerData: { port, paths } })
  return {
    stop: async () => {
      worker.postMessage('stop')
      const [felt]: Felt[] = await once(worker, 'message')
      await worker.terminate()
      if (!felt) throw new Error('The reader ended without a result.')
      return felt
    },
  }
}

if (!isMainThread && parentPort) {
  const { port, paths }: { port: number; paths: string[] } = workerData
  const stopping = new AbortController()
  parentPort.once('message', () => stopping.abort())
  parentPort.postMessage(await read(port, paths, stopping.signal))
}

/** One request after another, each on a connection of its own: a stranger who has just arrived. */
async function read(port: number, paths: string[], signal: AbortSignal): Promise<Felt> {
  const times: number[] = []
  let failures = 0
  for (let turn = 0; !signal.aborted; turn += 1) {
    const began = performance.now()
    const status = await statusOf(port, paths[turn % paths.length] ?? '/')
    times.push(performance.now() - began)
    if (status !== 200) failures += 1
    await sleep(10)
  }
  return { p50: percentile(times, 50), p99: percentile(times, 99), requests: times.length, failures }
}

/** 0 if no answer came within 10 seconds. */
function statusOf(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, path, agent: false, timeout: 10_000 }, (response) => {
      response
        .resume()
        .on('end', () => resolve(response.statusCode ?? 0))
        .on('error', () => resolve(0))
    })
    sent.on('timeout', () => sent.destroy()).on('error', () => resolve(0))
  })
}
