import { createHash, randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, readlink, realpath, rename, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { StartError } from '../../errors.ts'
import { createAtomically, hasCode, makeFolder } from './atomic-folder.ts'
import { findBinaries, type Programs, run } from './binaries.ts'
import { canEnter, type ServerUser, serverUser, systemFolder } from './unprivileged-user.ts'

/** The data of a PostgreSQL, and all that it takes to run it on them. */
export type Cluster = {
  dataDir: string
  directory: string
  password: string
  logFile: string
  settings: Record<string, string>
  programs: Programs
  user: ServerUser | undefined
}

export const serverRole = 'movie_bag'

/**
 * Opens the cluster in `<dataDir>/postgres`, made first where there is none.
 * @throws StartError when it cannot be used, or made.
 */
export async function openCluster(
  dataDir: string,
  settings: Record<string, string>,
  log: Pick<Logger, 'info'>,
): Promise<Cluster> {
  const folder = join(dataDir, 'postgres')
  const user = await serverUser(folder)
  const programs = await findBinaries(user)
  await makeDataDir(dataDir, user)
  if (!(await versionOf(folder))) await makeCluster(folder, programs, user, settings, log)

  const directory = await realpath(folder)
  await checkVersion(directory, programs)
  await checkWay(directory, user)
  const password = await readFile(join(directory, passwordFile), 'utf8')
  return { dataDir, directory, password, logFile: join(dataDir, 'postgres.log'), settings, programs, user }
}

/** Kept with the data that it opens, so that neither is ever there without the other. */
const passwordFile = 'movie-bag-password'

async function makeDataDir(dataDir: string, user: ServerUser | undefined) {
  await mkdir(dirname(dataDir), { recursive: true })
  const isNew = await makeFolder(dataDir, 0o700)
  if (isNew && user) {
    // PostgreSQL has to pass through to its own folder, but not to see what else is there.
    await chown(dataDir, 0, user.gid)
    await chmod(dataDir, 0o710)
  }
}

async function versionOf(folder: string) {
  try {
    return (await readFile(join(folder, 'PG_VERSION'), 'utf8')).trim()
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  // To begin anew where a volume is not mounted, say, would look like the loss of all data.
  const link = await readlink(folder).catch(() => undefined)
  if (link) throw new StartError(`${folder} leads to ${link}, which holds no data: bring them back, or remove the link`)
  return undefined
}

async function makeCluster(
  folder: string,
  programs: Programs,
  user: ServerUser | undefined,
  settings: Record<string, string>,
  log: Pick<Logger, 'info'>,
) {
  const fill = (staging: string) => initialise(staging, programs, user, settings)
  if (!user || (await canEnter(dirname(folder), user))) return createAtomically(folder, fill)

  // A name that was never used: whoever removed a data folder begins anew, and does not meet its accounts again.
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 8)
  const place = join(await systemFolder(user), `${hash}-${randomBytes(4).toString('hex')}`)
  await createAtomically(place, fill)
  await symlink(place, folder)
  log.info(
    { folder, place },
    'PostgreSQL, which does not run as root, may not enter the data folder: its data are elsewhere',
  )
}

async function initialise(
  staging: string,
  programs: Programs,
  user: ServerUser | undefined,
  settings: Record<string, string>,
) {
  const password = join(staging, passwordFile)
  await writeFile(password, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true })
  if (user) {
    await chown(password, user.uid, user.gid)
    await chown(staging, user.uid, user.gid)
  }
  const cluster = join(staging, 'cluster')
  const access = [`--username=${serverRole}`, `--pwfile=${password}`, '--auth=scram-sha-256']
  // PostgreSQL's own collation: the system's differs between systems, and with its updates spoils indexes.
  const text = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const haste = settings['fsync'] === 'off' ? ['--no-sync'] : []
  const given = [`--pgdata=${cluster}`, ...access, ...text, ...haste, '--no-instructions']
  await firstThatIsThere(alphabets, (name) => run(programs.initdb, [...given, `--lc-ctype=${name}`], staging, user))
  await rename(password, join(cluster, passwordFile))
  return cluster
}

// What a letter is: pg_trgm, which forgives slips, asks the system, and in C there are 52. Linux, macOS, Windows.
const alphabets = ['C.UTF-8', 'en_US.UTF-8', 'en-US', 'C']

/** Tries names of locales in turn until the system knows one. */
async function firstThatIsThere([name = 'C', ...others]: string[], make: (name: string) => Promise<void>) {
  try {
    await make(name)
  } catch (error) {
    const isUnknown = error instanceof StartError && /locale/.test(error.message)
    if (!isUnknown || others.length === 0) throw error
    await firstThatIsThere(others, make)
  }
}

async function checkVersion(directory: string, programs: Programs) {
  const version = await versionOf(directory)
  const ours = String(Number.parseInt(programs.version, 10))
  if (version === undefined) throw new StartError(`${directory} holds other files than PostgreSQL's: move them away`)
  if (version !== ours) {
    throw new StartError(
      `The data in ${directory} are PostgreSQL ${version}'s, and this is ${ours}: use the Movie Bag that made them to dump them, or set DATA_DIR to another folder`,
    )
  }
}

async function checkWay(directory: string, user: ServerUser | undefined) {
  if (user && !(await canEnter(directory, user))) {
    throw new StartError(
      `PostgreSQL, which does not run as root, may not enter ${directory} as user ${user.uid}: let others pass through the folders above it (chmod o+x)`,
    )
  }
}
