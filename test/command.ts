import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** A command that is running or has ended. */
export type Command = {
  /** Returns what it has written to stdout. */
  said: () => string
  /** Returns what it has written to stderr. */
  complained: () => string
  /** Waits until its output matches. Throws if it ends first. */
  until: (pattern: RegExp) => Promise<string>
  kill: (signal: NodeJS.Signals) => void
  /** Its exit code, or the signal that ended it. */
  end: Promise<number | NodeJS.Signals>
}

const source = join(import.meta.dirname, '../src/cli/main.ts')

/** Runs `movie-bag` with these arguments and only these settings. */
export function movieBag(args: string[], settings: Record<string, string> = {}): Command {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const env = { PATH, NODE_COMPILE_CACHE, ENV_FILE_LOCATION: join(import.meta.dirname, 'empty.env'), ...settings }
  return run(process.execPath, [source, ...args], { env })
}

/** Runs a program until it ends, or until the test that called this ends. */
export function run(program: string, args: string[], options: { env?: NodeJS.ProcessEnv; cwd?: string }): Command {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  after(() => void child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  const end = once(child, 'close').then(([code, signal]) => code ?? signal)
  return {
    said: () => output.stdout,
    complained: () => output.stderr,
    until: async (pattern) => {
      while (!pattern.test(output.stdout)) {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`It ended without ${pattern}: ${output.stdout}${output.stderr}`)
        }
        await sleep(20)
      }
      return output.stdout
    },
    kill: (signal) => void child.kill(signal),
    end,
  }
}
