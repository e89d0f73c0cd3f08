import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { run } from './command.ts'
import { root } from './documents.ts'
import { freePort, logIn, request, signUp } from './movie-bag.ts'

const shell = process.platform === 'win32'
const folder = mkdtempSync(join(tmpdir(), 'movie-bag-package-'))
chmodSync(folder, 0o755)
const installed = join(folder, 'installed')
after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

// Packing compiles everything, and installing unpacks PostgreSQL: on a busy machine, that takes more than a minute.
const timeout = 240_000

before(
  async () => {
    const tarball = await pack()
    mkdirSync(installed)
    await npm(installed, ['init', '--yes'])
    await npm(installed, ['install', '--omit=dev', tarball])
  },
  { timeout },
)

test('the package has all it needs to run, and no tests', { timeout }, () => {
  const home = join(installed, 'node_modules/movie-bag')
  const files = readdirSync(home, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !name.startsWith('node_modules'),
  )
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', '.env.example', 'bin/movie-bag.js', 'dist/cli/main.js']) {
    assert(files.includes(join(name)), `${name} is not packed`)
  }
  for (const part of ['migrations', 'templates', 'locales', 'public', 'docs']) {
    assert.deepEqual(filesBelow(join(home, part)), filesBelow(join(root, part)), part)
  }
  assert.deepEqual(
    files.filter((name) => /\.test\.|\.ts$|^(src|test|bench)\b/.test(name)),
    [],
  )
})

test('the bill of materials lists every dependency in the version that was tested, and no development tools', () => {
  const bill = JSON.parse(readFileSync(join(installed, 'node_modules/movie-bag/sbom.cdx.json'), 'utf8'))
  const listed = bill.components.map(({ purl }: { purl: string }) => decodeURIComponent(purl.replace('pkg:npm/', '')))
  const locked = Object.entries(lockedPackages(join(root, 'package-lock.json')))
  const needed = locked.filter(([, { dev, devOptional, peer }]) => !dev && !devOptional && !peer)
  const names = new Set(needed.map(([path, { version }]) => `${nameOf(path)}@${version}`))
  assert(names.size > 100)
  assert.deepEqual(
    [...names].filter((name) => !listed.includes(name)),
    [],
  )
  assert(!listed.some((name: string) => /^(@biomejs|typescript@|@stryker)/.test(name)))
})

test('only packages that the project lists may run scripts when they are installed', () => {
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const locked = Object.entries(lockedPackages(join(root, 'package-lock.json')))
  const running = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path))
  assert(running.length > 0)
  assert.deepEqual(
    running.filter((name) => !allowScripts[name]),
    [],
  )
})

type LockedPackage = {
  version: string
  hasInstallScript?: boolean
  dev?: boolean
  devOptional?: boolean
  peer?: boolean
}

function lockedPackages(file: string): Record<string, LockedPackage> {
  const { packages }: { packages: Record<string, LockedPackage> } = JSON.parse(readFileSync(file, 'utf8'))
  return Object.fromEntries(Object.entries(packages).filter(([path]) => path !== ''))
}

function nameOf(path: string): string {
  return path.split('node_modules/').at(-1) ?? path
}

test('the package, installed into an empty folder, runs the service', async (t) => {
  const port = await freePort()
  const service = npx(process.execPath, ['serve'], { PORT: String(port), DATA_DIR: join(folder, 'data') })
  t.after(() => service.kill('SIGKILL'))
  const lines = await service.until(/^ {2}Data .+\n\n/m)
  assert.match(lines, /^ {2}Mail +queued: set MAIL_SERVER, or install MailDev/m)
  const origin = { request: request.bind(undefined, `http://localhost:${port}`) }
  await logIn(origin, await signUp(origin, 'ada'))
  assert.equal((await origin.request('GET', '/docs')).status, 200)
  assert.equal((await origin.request('GET', '/forgot')).status, 200)
  service.kill('SIGTERM')
  assert.equal(await service.end, 0, service.complained())
})

test('on an old Node it says in one line what it needs', async () => {
  const command = npx(await oldNode(), ['serve'], {})
  assert.equal(await command.end, 1)
  assert.match(
    command.complained(),
    /^movie-bag needs Node\.js 24 or newer; this is \d+\.\d+\.\d+\. Get it from \S+\n$/,
  )
  assert.equal(command.said(), '')
})

test('the lock file names the optional packages of every platform, as npm ci requires', () => {
  const { packages }: { packages: Record<string, { optionalDependencies?: Record<string, string> }> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  )
  const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
  assert(wanted.length > 10)
  const names = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)))
  assert.deepEqual(
    wanted.filter((name) => !names.has(name)),
    [],
  )
})

/** Packs a copy of the checkout: packing builds, and what was built in the checkout itself may be running. */
async function pack(): Promise<string> {
  const copy = join(folder, 'copy')
  const left = ['node_modules', '.git', 'data', 'dist']
  cpSync(root, copy, { recursive: true, filter: (path) => !left.some((name) => path === join(root, name)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
  await npm(copy, ['pack', '--pack-destination', folder])
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  assert(tarball)
  return join(folder, tarball)
}

async function npm(cwd: string, args: string[]): Promise<void> {
  const calm = ['--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier']
  await promisify(execFile)('npm', [...args, ...calm], { cwd, shell })
}

/** What `npx movie-bag` runs: the link in node_modules/.bin, by the `node` that is first on the PATH. */
function npx(node: string, args: string[], settings: Record<string, string>) {
  const path = [join(node, '..'), process.env['PATH']].join(delimiter)
  return run(join(installed, 'node_modules/.bin/movie-bag'), args, { cwd: installed, env: { PATH: path, ...settings } })
}

/** The machine's own Node where that is old enough, or else one from npm. */
async function oldNode(): Promise<string> {
  const paths = (process.env['PATH'] ?? '').split(delimiter).filter((path) => basename(path) !== '.bin')
  for (const path of paths) {
    const version = await promisify(execFile)(join(path, 'node'), ['--version']).catch(() => ({ stdout: '' }))
    if (/^v(1[4-9]|2[0-3])\./.test(version.stdout)) return join(path, 'node')
  }
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const place = join(folder, 'old-node')
  mkdirSync(place)
  await npm(place, ['install', '--prefix', place, `${name}@20`])
  return join(place, 'node_modules', name, 'bin/node')
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()
}
