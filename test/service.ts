import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, freePort, request } from './movie-bag.ts'

/** A Movie Bag in a process of its own, as an operator starts it. */
export type Service = {
  url: string
  child: ChildProcess
  /** What it has printed so far. */
  output: () => string
  request: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
  /** Ends it by a signal, SIGTERM unless told, and answers the exit code: null where the signal ended it. */
  end: (signal?: NodeJS.Signals) => Promise<number | null>
}

const main = join(import.meta.dirname, '../src/cli/main.ts')

/** Starts `movie-bag serve` or `work` with nothing but these settings, and waits until it runs. */
export async function startService(command: 'serve' | 'work', settings: Record<string, string>): Promise<Service> {
  const port = await freePort()
  const ownDataDir = settings['DATA_DIR'] ? undefined : mkdtempSync(join(tmpdir(), 'movie-bag-service-'))
  const child = spawn(process.execPath, [main, command], {
    // A group of its own, so that a test can do to it what Ctrl-C in a terminal does.
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
  await until(() => {
    if (child.exitCode !== null) throw new Error(`movie-bag ${command} ended with ${child.exitCode}: ${output}`)
    return /Movie Bag is ready|The mail worker runs/.test(output)
  }, `movie-bag ${command} to start`)
  const url = `http://127.0.0.1:${port}`
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

/** Waits, up to 30 seconds, for something to be so. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (await isSo()) return
    await sleep(50)
  }
  throw new Error(`Waited 30 seconds in vain for ${what}.`)
}
