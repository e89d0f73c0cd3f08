// Runs Movie Bag and its PostgreSQL on a disk that fills up: `npm run full-disk`. Failing requests must get 503 with
// Retry-After, nothing that was confirmed may be lost, and the service must recover without a restart once there is space.
// Mounts a tmpfs, so it needs Linux and root. Exits with 1 if something does not hold.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { errorCode } from '../src/errors.ts'
import { type Answer, logIn, passwordOf, signUp } from '../test/movie-bag.ts'
import { type Service, startService, until } from '../test/service.ts'
import { startSmtp } from '../test/smtp.ts'

const disk = mkdtempSync(join(tmpdir(), 'movie-bag-full-disk-'))
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m,mode=0755', 'tmpfs', disk])
const smtp = await startSmtp()
const dataDir = join(disk, 'service')
mkdirSync(dataDir)
chmodSync(dataDir, 0o755)
const service = await startService('serve', { DATA_DIR: join(dataDir, 'data'), MAIL_PORT: String(smtp.port) })
const ballast = join(disk, 'ballast')
const tally = new Map<string, number>()
try {
  await run()
} finally {
  await service.end()
  await smtp.stop()
  execFileSync('umount', [disk])
  rmdirSync(disk)
}

async function run(): Promise<void> {
  const session = await logIn(service, await signUp(service, 'ada'))
  const done = { movies: Array.of<string>(), people: Array.of<string>(), asked: Array.of<string>() }
  let number = 0

  /** Adds a movie of 40 kB, which needs space, reads, and now and then signs someone up, which needs hardly any. */
  async function useService(): Promise<boolean> {
    number += 1
    const casts = Array.from({ length: 200 }, (_, index) => `${number} ${index} `.padEnd(200, 'x'))
    const movie = { name: `Film ${number}`, casts, genres: ['Drama'] }
    const added = await expectSuccessOrBusy('POST', '/api/movies', movie, session)
    if (added.status === 200) done.movies.push(added.body.id)
    await expectSuccessOrBusy('GET', '/api/movies?limit=1')
    const email = `person-${number}@example.org`
    const isTurn = number % 10 === 0
    if (
      isTurn &&
      (await expectSuccessOrBusy('POST', '/api/auth/signup', { email, password: passwordOf(email) })).status === 200
    ) {
      done.people.push(email)
      if ((await expectSuccessOrBusy('POST', '/api/auth/forgot', { email })).status === 200) done.asked.push(email)
    }
    return added.status === 200
  }

  const shortages = { 'for tables': async () => {}, 'for the write-ahead log': exhaustWal }
  for (const [what, cause] of Object.entries(shortages)) {
    while (number % 20 || number === 0) assert(await useService())
    fill(ballast)
    await cause()
    tally.clear()
    let refused = 0
    while (refused < 200) if (!(await useService())) refused += 1
    console.log(`No space ${what}: ${[...tally].map(([answer, times]) => `${times} × ${answer}`).join(', ')}`)

    rmSync(ballast)
    const began = performance.now()
    await until(useService, 'the service to recover')
    console.log(`Recovered ${Math.round(performance.now() - began)} ms after there was space`)
    number = Math.ceil(number / 20) * 20 + 1
  }

  const { movies, people, asked } = done
  for (const id of movies) assert.equal((await service.request('GET', `/api/movies/${id}`)).status, 200, id)
  for (const email of people) await logIn(service, { email, password: passwordOf(email) })
  for (const email of asked) await smtp.tokenFor(email)
  console.log(`Everything is there: ${movies.length} movies, ${people.length} accounts, ${asked.length} reset mails`)
}

/** Makes the server create WAL files until it cannot, which crashes it. */
async function exhaustWal(): Promise<void> {
  const folder = join(dataDir, 'data/postgres')
  const password = readFileSync(join(folder, 'movie-bag-password'), 'utf8').trim()
  const port = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[3]
  const client = new pg.Client(`postgres://movie_bag:${password}@127.0.0.1:${port}/movie_bag`)
  client.on('error', () => {})
  await client.connect()
  const useUp = async () => {
    for (let turn = 0; turn < 100; turn += 1) {
      await client.query("select pg_logical_emit_message(false, 'movie-bag', 'x'), pg_switch_wal()")
    }
  }
  await assert.rejects(useUp())
  await client.end().catch(() => {})
}

/** Sends a request, which must succeed or fail with 503 and Retry-After. */
async function expectSuccessOrBusy(...request: Parameters<Service['request']>): Promise<Answer> {
  const answer = await service.request(...request)
  const what = `${request[0]} ${request[1]} ${answer.status}`
  tally.set(what, (tally.get(what) ?? 0) + 1)
  if (answer.status !== 200) {
    assert.equal(answer.status, 503, `${what}: ${answer.text}\n${service.output().slice(-3000)}`)
    assert(Number(answer.headers.get('retry-after')) > 0, what)
  }
  return answer
}

/** Fills the disk. */
function fill(file: string): void {
  const descriptor = openSync(file, 'w')
  for (let size = 2 ** 20; size >= 1; size = Math.floor(size / 2)) {
    try {
      while (true) writeSync(descriptor, Buffer.alloc(size, 1))
    } catch (error) {
      assert(errorCode(error) === 'ENOSPC', String(error))
    }
  }
  closeSync(descriptor)
}
