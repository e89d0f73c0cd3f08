import { setTimeout as sleep } from 'node:timers/promises'
import { residentMegabytes } from '../processes.ts'

/** Looks at the resident memory of a process ten times a second. `stop` returns by how much it grew at most, in MB. */
export async function watchMemory(pid: number): Promise<{ stop: () => number }> {
  await sleep(1000)
  const before = residentMegabytes(pid)
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, residentMegabytes(pid))
  }, 100)
  return {
    stop: () => {
      clearInterval(timer)
      return peak - before
    },
  }
}
