import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, freePort, request } from './movie-bag.ts'

/** A Movie Bag in its own process, started as an operator does. */
export type Service = {
  url: string
  child: ChildProcess
  /** Returns what it has printed so far. */
  output: () => string
  request: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
  /** Sends a signal, SIGTERM by default, and returns the exit code, or null if the signal killed it. */
  end: (signal?: NodeJS.Signals) => Promise<number | null>
}

const main = join(import.meta.dirname, '../src/cli/main.ts')

/** Starts `movie-bag serve` or `work` with these settings only, and waits until it is ready. */
export async function startService(command: 'serve' | 'work', settings: Record<string, string>): Promise<Service> {
  const port = await freePort()
  const ownDataDir = settings['DATA_DIR'] ? undefined : mkdtempSync(join(tmpdir(), 'movie-bag-service-'))
  const child = spawn(process.execPath, [main, command], {
    // In its own process group, so that a test can signal the whole group as Ctrl-C in a terminal does.
    detached: true,
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ENV_FILE_LOCATION: join(import.meta.dirname, 'empty.env'),
      PORT: String(port),
      RATE_LIMITS: 'off',
      MAIL_SERVER: '127.0.0.1',
      ...(ownDataDir && { DATA_DIR: ownDataDir }),
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const exit = once(child, 'exit').then(([code]) => {
    process.off('exit', kill)
    if (ownDataDir) rmSync(ownDataDir, { recursive: true, force: true })
    return typeof code === 'number' ? code : null
  })
  const url = `http://127.0.0.1:${port}`
  await until(() => {
    if (child.exitCode !== null) throw new Error(`movie-bag ${command} exited with ${child.exitCode}: ${output}`)
    return command === 'serve' ? isReady(url) : /"event":"started"/.test(output)
  }, `movie-bag ${command} to start`)
  return {
    url,
    child,
    output: () => output,
    request: (method, path, body, headers) => request(url, method, path, body, headers),
    end: (signal = 'SIGTERM') => {
      child.kill(signal)
      return exit
    },
  }
}

function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/health/ready`).then(
    (response) => response.ok,
    () => false,
  )
}

/** Waits up to 30 seconds for a condition. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (await condition()) return
    await sleep(50)
  }
  throw new Error(`Waited 30 seconds in vain for ${what}.`)
}
