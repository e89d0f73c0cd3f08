import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { settingNames } from '../src/config/config.ts'
import { blockOf, document, root } from './documents.ts'
import { freePort } from './movie-bag.ts'

const readme = document('README.md')
const port = await freePort()
// Made by the service, not here: as root it gives the folder to PostgreSQL's user.
const folder = join(tmpdir(), `movie-bag-readme-${randomUUID()}`)
const service = startAsTold()
after(async () => {
  if (service.exitCode === null && service.kill()) await once(service, 'exit')
  rmSync(folder, { recursive: true, force: true })
})

let said = ''
service.stdout.setEncoding('utf8').on('data', (text: string) => {
  said += text
})

test('the README shows what the start prints', async () => {
  assert.match(await sayingWhereDataAre(), likeIn('text ready'))
})

test('the commands in the README lead from sign-up to a new password and print what it shows', async () => {
  await sayingWhereDataAre()
  const session = onThesePorts(blockOf(readme, 'bash session'))
  const { stdout, stderr } = await promisify(execFile)('bash', ['-e', '-c', session], { timeout: 40_000 })
  assert.equal(stderr, '')
  assert.match(stdout, likeIn('text answers'))
})

/** The README's command but for `npm ci`, which has been done, and for npm itself, which would only call the script. */
function startAsTold() {
  const script = /^npm ci && npm (\w+)$/.exec(blockOf(readme, 'bash start'))?.[1] ?? ''
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const [program, ...args] = scripts[script]?.split(' ') ?? []
  assert.equal(program, 'node')
  const unset = Object.fromEntries(['NODE_ENV', ...settingNames()].map((name) => [name, '']))
  const settings = {
    ENV_FILE_LOCATION: join(root, 'test/empty.env'),
    PORT: String(port),
    DATA_DIR: join(folder, 'data'),
  }
  const env = { ...process.env, ...unset, ...settings }
  return spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
}

async function sayingWhereDataAre(): Promise<string> {
  while (!/^ +Data .+\n/m.test(said)) {
    assert.equal(service.exitCode, null, said)
    await sleep(50)
  }
  return said
}

/** The README names the ports of an idle machine. Here the service gets a free one, and the inbox takes what is free. */
function onThesePorts(text: string): string {
  const inbox = /Inbox +http:\/\/localhost:(\d+)/.exec(said)?.[1]
  return text.replaceAll('localhost:3000', `localhost:${port}`).replaceAll('localhost:1080', `localhost:${inbox}`)
}

/** In what the README shows, an ellipsis stands for what differs each time. */
function likeIn(info: string): RegExp {
  const shown = onThesePorts(blockOf(readme, info))
  return new RegExp(`^${shown.split('…').map(RegExp.escape).join('.+')}$`, 'm')
}
