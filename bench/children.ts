import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

const running = new Set<ChildProcess>()

/** Starts a program that ends with this process at the latest. Its stderr is shown. */
export function startChild(args: string[], options: SpawnOptions): ChildProcess {
  const child = spawn(process.execPath, args, options)
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Terminates a child, and kills it if it is still running after ten seconds. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const deadline = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(deadline)
}

export async function endChildren(): Promise<void> {
  await Promise.all([...running].map(endChild))
}

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
