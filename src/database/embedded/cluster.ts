import { createHash, randomBytes } from 'node:crypto'
import { chmod, chown, lstat, mkdir, readFile, readlink, realpath, rename, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { errorCode, StartError } from '../../errors.ts'
import { createAtomically, createFolder } from './atomic-folder.ts'
import { type Binaries, findBinaries, run } from './binaries.ts'
import { canAccess, type ServerUser, serverUser, systemFolder } from './unprivileged-user.ts'

/** A PostgreSQL data directory, and everything needed to run the server. */
export type Cluster = {
  dataDir: string
  directory: string
  password: string
  logFile: string
  settings: Record<string, string>
  binaries: Binaries
  user: ServerUser | undefined
}

/** The superuser, with which we watch the server. The service itself has a role without its rights. */
export const adminRole = 'movie_bag'

type OpenOptions = {
  settings: Record<string, string>
  log: Pick<Logger, 'info'>
  /** Locks a file, or throws if another service has locked it. */
  lock: (file: string) => Promise<void>
}

/** Opens the cluster in `<dataDir>/postgres`, or creates it. Throws a `StartError` if it cannot be used or created. */
export async function openCluster(dataDir: string, { settings, log, lock }: OpenOptions): Promise<Cluster> {
  const folder = join(dataDir, 'postgres')
  const user = await serverUser(folder)
  const binaries = await findBinaries(user)
  await createDataDir(dataDir, user)
  await lock(`${folder}.lock`)
  if (!(await readVersion(folder))) await createCluster(folder, { binaries, user, settings }, log)

  const directory = await realpath(folder)
  // A copy of the data folder includes the link.
  if (await isLink(folder)) await lock(`${directory}.lock`)
  await checkVersion(directory, binaries)
  await checkAccess(directory, user)
  const password = await readFile(join(directory, passwordFile), 'utf8')
  return { dataDir, directory, password, logFile: join(dataDir, 'postgres.log'), settings, binaries, user }
}

/** Stored with the data, so that neither can exist without the other. */
const passwordFile = 'movie-bag-password'

async function createDataDir(dataDir: string, user: ServerUser | undefined) {
  await mkdir(dirname(dataDir), { recursive: true })
  const isNew = await createFolder(dataDir, 0o700)
  if (isNew && user) {
    // PostgreSQL needs to reach its own folder, but not to list the others.
    await chown(dataDir, 0, user.gid)
    await chmod(dataDir, 0o710)
  }
}

async function isLink(path: string) {
  return (await lstat(path)).isSymbolicLink()
}

async function readVersion(folder: string) {
  try {
    return (await readFile(join(folder, 'PG_VERSION'), 'utf8')).trim()
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
  // The volume may not be mounted, for example. A new, empty database would look like the loss of all data.
  const link = await readlink(folder).catch(() => undefined)
  if (link) throw new StartError(`${folder} links to ${link}, which has no data. Restore the data, or remove the link`)
  return undefined
}

type ClusterOptions = Pick<Cluster, 'binaries' | 'user' | 'settings'>

async function createCluster(folder: string, options: ClusterOptions, log: Pick<Logger, 'info'>) {
  const { user } = options
  const fill = (staging: string) => initialize(staging, options)
  if (!user || (await canAccess(dirname(folder), user))) return createAtomically(folder, fill)

  // A new name each time, so that an operator who removed the data folder starts over, without the old accounts.
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 8)
  const place = join(await systemFolder(user), `${hash}-${randomBytes(4).toString('hex')}`)
  await createAtomically(place, fill)
  await symlink(place, folder)
  log.info(
    { folder, place },
    'PostgreSQL refuses to run as root, and its user cannot access the data folder, so its data is stored in another folder',
  )
}

async function initialize(staging: string, { binaries, user, settings }: ClusterOptions) {
  const password = join(staging, passwordFile)
  await writeFile(password, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true })
  if (user) {
    await chown(password, user.uid, user.gid)
    await chown(staging, user.uid, user.gid)
  }
  const cluster = join(staging, 'cluster')
  const access = [`--username=${adminRole}`, `--pwfile=${password}`, '--auth=scram-sha-256']
  // PostgreSQL's own collation, because the system's varies between systems, and its updates corrupt indexes.
  const text = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const noSync = settings['fsync'] === 'off' ? ['--no-sync'] : []
  const given = [`--pgdata=${cluster}`, ...access, ...text, ...noSync, '--no-instructions']
  await tryLocales(ctypes, (name) => run(binaries.initdb, [...given, `--lc-ctype=${name}`], { cwd: staging, user }))
  await rename(password, join(cluster, passwordFile))
  return cluster
}

// pg_trgm, which we use to correct typos, asks the system locale what a letter is, and C knows only 52. The names are
// for Linux, macOS and Windows.
const ctypes = ['C.UTF-8', 'en_US.UTF-8', 'en-US', 'C']

/** Tries locale names until the system knows one. */
async function tryLocales([name = 'C', ...others]: string[], create: (name: string) => Promise<void>) {
  try {
    await create(name)
  } catch (error) {
    const isUnknown = error instanceof StartError && /locale/.test(error.message)
    if (!isUnknown || others.length === 0) throw error
    await tryLocales(others, create)
  }
}

async function checkVersion(directory: string, binaries: Binaries) {
  const version = await readVersion(directory)
  const ours = String(Number.parseInt(binaries.version, 10))
  if (version === undefined)
    throw new StartError(`${directory} contains files that do not belong to PostgreSQL. Move them elsewhere`)
  if (version !== ours) {
    throw new StartError(
      `The data in ${directory} was created by PostgreSQL ${version}, but this is ${ours}. Dump it with the Movie Bag release that created it, or set DATA_DIR to another folder`,
    )
  }
}

async function checkAccess(directory: string, user: ServerUser | undefined) {
  if (user && !(await canAccess(directory, user))) {
    throw new StartError(
      `PostgreSQL does not run as root, and as user ${user.uid} it cannot enter ${directory}. Let other users access the folders above it (chmod o+x)`,
    )
  }
}
