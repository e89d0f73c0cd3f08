import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'

/** Returns whether a password is known from a breach. */
export type IsBreached = (password: string) => Promise<boolean>

type Options = { log: Pick<FastifyBaseLogger, 'warn'> }

/**
 * Looks passwords up by SHA-1 in the source that `BREACHED_PASSWORDS` names: a file or a service in the formats of Have I
 * Been Pwned. A service gets the first five hex digits of the hash only. If the source does not respond within 2 seconds,
 * passwords count as not breached and the log says so, because a reset must work while a service is down.
 */
export function breachedPasswords(source: string | undefined, { log }: Options): IsBreached {
  if (source === undefined) return async () => false
  const isListed = /^https?:/.test(source) ? isListedByService : isListedInFile
  return async (password) => {
    const hash = createHash('sha1').update(password).digest('hex').toUpperCase()
    try {
      return await isListed(source, hash)
    } catch (error) {
      log.warn(
        { event: 'breached-passwords-unavailable', err: error },
        'BREACHED_PASSWORDS cannot be read, so passwords were accepted without looking them up',
      )
      return false
    }
  }
}

/** https://haveibeenpwned.com/API/v3#PwnedPasswords. Padding has a count of 0. */
async function isListedByService(url: string, hash: string): Promise<boolean> {
  const headers = { 'add-padding': 'true', 'user-agent': 'movie-bag' }
  const response = await fetch(new URL(hash.slice(0, 5), url), {
    headers,
    redirect: 'error',
    signal: AbortSignal.timeout(2000),
  })
  if (!response.ok) throw new Error(`${new URL(url).host} responded with ${response.status}`)
  const lines = (await response.text()).split(/\r?\n/)
  return lines.some((line) => line.startsWith(`${hash.slice(5)}:`) && !line.endsWith(':0'))
}

/** Searches a file of any size whose lines begin with a hash and are sorted, in about 35 reads for a billion lines. */
async function isListedInFile(path: string, hash: string): Promise<boolean> {
  await using file = await open(path)
  let from = 0
  let to = (await file.stat()).size
  while (from < to) {
    const middle = Math.floor((from + to) / 2)
    const line = await readLineFrom(file, middle)
    if (line.hash === hash) return true
    if (line.start >= to || line.hash > hash) to = middle
    else from = line.start + 1
  }
  return false
}

/** Reads the hash of the first line that begins at or after an offset. */
async function readLineFrom(file: FileHandle, offset: number): Promise<{ start: number; hash: string }> {
  // Longer than two lines. The byte before the offset tells whether a line begins there.
  const { buffer, bytesRead } = await file.read(Buffer.alloc(200), 0, 200, Math.max(0, offset - 1))
  const text = buffer.toString('latin1', 0, bytesRead)
  const index = offset === 0 ? 0 : text.indexOf('\n') + 1
  const start = offset === 0 ? 0 : index === 0 ? Number.POSITIVE_INFINITY : offset - 1 + index
  return { start, hash: text.slice(index, index + 40).toUpperCase() }
}
