import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCode } from '../../errors.ts'

/**
 * Creates a folder atomically, even if the process is killed: `fill` works in a staging folder and returns the path to
 * rename to `folder`. If another process was faster, its folder stays.
 */
export async function createAtomically(folder: string, fill: (staging: string) => Promise<string>) {
  await removeLeftovers(dirname(folder))
  const staging = `${folder}.new-${processName}`
  await mkdir(staging, { mode: 0o700 })
  try {
    await rename(await fill(staging), folder)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error))) throw error
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Creates a folder, and returns whether it did not exist. */
export async function createFolder(folder: string, mode: number) {
  try {
    await mkdir(folder, { mode })
    return true
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    return false
  }
}

/** In a container every start may get the same process id, so the name includes the time of the start. */
const processName = `${process.pid}-${Math.round(performance.timeOrigin)}`

async function removeLeftovers(parent: string) {
  for (const name of await readdir(parent)) {
    const creator = name.split('.new-')[1]
    // With retries, because a program that the creator ran may still be writing there.
    if (creator && hasEnded(creator)) await rm(join(parent, name), { recursive: true, force: true, maxRetries: 5 })
  }
}

function hasEnded(creator: string) {
  const pid = Number(creator.split('-')[0])
  if (pid === process.pid) return creator !== processName
  try {
    return !process.kill(pid, 0)
  } catch (error) {
    return errorCode(error) === 'ESRCH'
  }
}
