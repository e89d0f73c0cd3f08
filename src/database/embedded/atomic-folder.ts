import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Makes a folder whole or not at all, whenever the process is killed: `fill` works in a folder beside it and returns
 * the path of what is to be renamed to `folder`. Where another process was faster, its folder stays.
 */
export async function createAtomically(folder: string, fill: (staging: string) => Promise<string>) {
  await removeLeftovers(dirname(folder))
  const staging = `${folder}.new-${maker}`
  await mkdir(staging, { mode: 0o700 })
  try {
    await rename(await fill(staging), folder)
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Makes a folder, and says whether it was missing. */
export async function makeFolder(folder: string, mode: number) {
  try {
    await mkdir(folder, { mode })
    return true
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    return false
  }
}

export function hasCode(error: unknown, ...codes: string[]) {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
}

/** In a container every start may get the same process id: only with the time of its start does it name a process. */
const maker = `${process.pid}-${Math.round(performance.timeOrigin)}`

async function removeLeftovers(parent: string) {
  for (const name of await readdir(parent)) {
    const itsMaker = name.split('.new-')[1]
    // With patience: a program that its maker ran may still be writing there.
    if (itsMaker && isGone(itsMaker)) await rm(join(parent, name), { recursive: true, force: true, maxRetries: 5 })
  }
}

function isGone(itsMaker: string) {
  const pid = Number(itsMaker.split('-')[0])
  if (pid === process.pid) return itsMaker !== maker
  try {
    return !process.kill(pid, 0)
  } catch (error) {
    return hasCode(error, 'ESRCH')
  }
}
