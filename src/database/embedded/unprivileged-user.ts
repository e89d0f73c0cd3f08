import { execFile } from 'node:child_process'
import { chmod, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../../errors.ts'
import { createFolder } from './atomic-folder.ts'

/** The user to run PostgreSQL as when the service runs as root, because PostgreSQL refuses to run as root. */
export type ServerUser = { uid: number; gid: number }

/**
 * Returns the user to run PostgreSQL as if the service runs as root: the owner of `folder` if it exists, or else the system
 * user `postgres`, which is added if it is missing. Returns undefined if the service does not run as root.
 */
export async function serverUser(folder: string): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const { uid, gid } = await stat(folder).catch(() => ({ uid: 0, gid: 0 }))
  return uid > 0 ? { uid, gid } : ((await findUser()) ?? addUser())
}

/** Returns whether `user` can enter `folder` and all its parents. Ignores access control lists. */
export async function canAccess(folder: string, user: ServerUser) {
  return canAccessPath(await realpath(folder), user)
}

async function canAccessPath(path: string, user: ServerUser): Promise<boolean> {
  const { mode, uid, gid } = await stat(path)
  const executeBit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  if ((mode & executeBit) === 0) return false
  return path === dirname(path) || canAccessPath(dirname(path), user)
}

/**
 * Returns a system folder, owned by root, for files that `user` could not reach elsewhere. Throws a `StartError` if
 * `user` cannot enter it either.
 */
export async function systemFolder(user: ServerUser) {
  const folder = '/var/lib/movie-bag'
  try {
    if (await createFolder(folder, 0o755)) await chmod(folder, 0o755)
    if (await canAccess(folder, user)) return folder
  } catch (error) {
    throw new StartError(`${refusal}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  throw new StartError(`${refusal}: its user cannot enter ${folder}`)
}

const refusal =
  'PostgreSQL does not run as root, nor as another user in a private folder (start Movie Bag as an ordinary user, set DATA_DIR to a folder that others can enter, or set DATABASE_URL)'

const command = promisify(execFile)
const systemPrograms = { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } }

async function findUser(): Promise<ServerUser | undefined> {
  try {
    const uid = await command('id', ['-u', 'postgres'], systemPrograms)
    const gid = await command('id', ['-g', 'postgres'], systemPrograms)
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}

async function addUser() {
  const useradd = command(
    'useradd',
    ['--system', '--no-create-home', '--shell', '/bin/false', 'postgres'],
    systemPrograms,
  )
  // BusyBox has only its own adduser.
  await useradd.catch(() => command('adduser', ['-S', '-D', '-H', 'postgres'], systemPrograms)).catch(() => {})
  const user = await findUser()
  if (user) return user
  throw new StartError(
    'PostgreSQL does not run as root, and the user "postgres" could not be added. Add it, start Movie Bag as an ordinary user, or set DATABASE_URL',
  )
}
