import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { head, sendRaw } from '../../../test/raw-http.ts'
import { openLocalInbox } from './start.ts'

const folder = mkdtempSync(join(tmpdir(), 'movie-bag-inbox-'))
const inbox = await openLocalInbox(folder)
assert.ok(inbox)
const { host } = new URL(inbox.url)
const address = inbox.url.replace('localhost', '127.0.0.1')
after(async () => {
  await inbox.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('the page of the local inbox can read mails', async () => {
  assert.equal(await ask('GET /api/email', `host: ${host}`), 200)
  assert.equal(await ask('GET /api/email', `host: ${host}`, `origin: http://${host}`), 200)
  assert.equal(await ask('GET /', `host: ${host}`, 'accept: text/html'), 200)
})

test('other users of the machine cannot read mails', { skip: process.platform === 'win32' }, () => {
  assert.equal(statSync(join(folder, 'inbox')).mode & 0o777, 0o700)
})

test('another site in the same browser cannot read mails of the local inbox', async () => {
  assert.equal(await ask('GET /api/email', `host: ${host}`, 'origin: https://evil.example'), 403)
  assert.equal(await ask('GET /api/email', `host: ${host}`, 'origin: null'), 403)
  assert.equal(await ask('OPTIONS /api/email/all', `host: ${host}`, 'origin: https://evil.example'), 403)
  const sockets = '/socket.io/?EIO=4&transport='
  assert.equal(await ask(`GET ${sockets}polling`, `host: ${host}`, 'origin: https://evil.example'), 403)
  const upgrade = ['upgrade: websocket', 'sec-websocket-version: 13', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==']
  const evil = [`host: ${host}`, 'origin: https://evil.example', ...upgrade]
  assert.equal(await ask(`GET ${sockets}websocket`, ...evil), 403)
})

test('a foreign host name that resolves to this machine cannot read mails of the local inbox', async () => {
  assert.equal(await ask('GET /api/email', 'host: rebound.evil.example'), 403)
  assert.equal(await ask('GET /api/email', 'host: localhost.evil.example'), 403)
})

async function ask(firstLine: string, ...headers: string[]): Promise<number> {
  const own = head(`${firstLine} HTTP/1.1`, ...headers).replace('host: localhost\r\n', '')
  const connection = headers.some((header) => header.startsWith('upgrade'))
    ? 'connection: upgrade'
    : 'connection: close'
  return (await sendRaw(address, own.replace('connection: close', connection))).status
}
