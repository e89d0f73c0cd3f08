import { execFile } from 'node:child_process'
import { chmod, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../../errors.ts'
import { makeFolder } from './atomic-folder.ts'

/** Whom PostgreSQL runs as when the service runs as root, which PostgreSQL refuses to. */
export type ServerUser = { uid: number; gid: number }

/**
 * The user to run PostgreSQL as, where the service runs as root: the owner of `folder` if that exists, or else the
 * system user `postgres`, which is added where it is missing. Undefined where the service does not run as root.
 */
export async function serverUser(folder: string): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const { uid, gid } = await stat(folder).catch(() => ({ uid: 0, gid: 0 }))
  return uid > 0 ? { uid, gid } : ((await findUser()) ?? addUser())
}

/** Whether `user` may enter `folder` and all that it lies in. Access lists are not looked at. */
export async function canEnter(folder: string, user: ServerUser) {
  for (let path = await realpath(folder); ; path = dirname(path)) {
    const { mode, uid, gid } = await stat(path)
    const right = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & right) === 0) return false
    if (path === dirname(path)) return true
  }
}

/** Root's folder for what `user` may not enter elsewhere. @throws StartError where it may not enter that either. */
export async function systemFolder(user: ServerUser) {
  const folder = '/var/lib/movie-bag'
  try {
    if (await makeFolder(folder, 0o755)) await chmod(folder, 0o755)
    if (await canEnter(folder, user)) return folder
  } catch (error) {
    throw new StartError(`${refusal}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  throw new StartError(`${refusal}: its user may not enter ${folder}`)
}

const refusal =
  'PostgreSQL does not run as root, nor as another user in a private folder (start Movie Bag as an ordinary user, set DATA_DIR to a folder that others may enter, or set DATABASE_URL)'

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
    'PostgreSQL does not run as root, and a user "postgres" could not be added: add one, start Movie Bag as an ordinary user, or set DATABASE_URL',
  )
}
