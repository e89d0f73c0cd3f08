import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { endChild, startChild } from './children.ts'
import { ask, get } from './client.ts'

export type ServiceProcess = { pid: number; startMilliseconds: number; end: () => Promise<void> }

type Start = { name: string; command: string[]; env: NodeJS.ProcessEnv; folder: string; port: number }

/** Runs a service and waits for its first response. Its output goes to a file in `folder`, which is shown if it exits. */
export async function startProcess({ name, command, env, folder, port }: Start): Promise<ServiceProcess> {
  const log = join(folder, `${name}.log`)
  const output = openSync(log, 'a')
  const started = performance.now()
  const child = startChild(command, { cwd: folder, env, stdio: ['ignore', output, output] })
  closeSync(output)

  child.once('exit', (code, signal) => {
    if (!child.killed) console.error(`${name} ended (${code ?? signal}):\n${readFileSync(log, 'utf8').slice(-2000)}`)
  })
  while (!(await isLive(port))) {
    if (child.exitCode !== null || performance.now() - started > 60_000) throw new Error(`${name} does not start`)
    await setTimeout(2)
  }
  return {
    pid: child.pid ?? 0,
    startMilliseconds: performance.now() - started,
    end: () => endChild(child),
  }
}

/** Returns the resident memory of a process and its children, in MB, as Linux reports it. */
export function residentMegabytes(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return children.reduce((total, child) => total + residentMegabytes(Number(child)), Number(kilobytes) / 1024)
}

async function isLive(port: number): Promise<boolean> {
  try {
    return (await ask(port, get('/health/live'))).status === 200
  } catch {
    return false
  }
}
