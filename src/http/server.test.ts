import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { startMovieBag } from '../../test/movie-bag.ts'
import { until } from '../../test/service.ts'

const bag = await startMovieBag()
after(() => bag.stop())

test('an IP address has two hundred connections at most, and others still get theirs', async (t) => {
  const sockets: Socket[] = []
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  for (let count = 0; count < 205; count += 1) sockets.push(await open('127.0.0.2'))
  await until(() => sockets.filter(({ closed }) => closed).length === 5, 'five connections to be closed')
  const other = await open('127.0.0.3')
  sockets.push(other)
  other.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n')
  const [answer] = await once(other, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 200 /)
  sockets[0]?.destroy()
  await until(async () => !(await isRefused('127.0.0.2')), 'a place to be free again')
})

async function open(localAddress: string): Promise<Socket> {
  const { hostname, port } = new URL(bag.url)
  const socket = connect({ host: hostname, port: Number(port), localAddress })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket.resume()
}

async function isRefused(localAddress: string): Promise<boolean> {
  const socket = await open(localAddress)
  socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  let isAnswered = false
  socket.on('data', () => {
    isAnswered = true
  })
  await once(socket, 'close')
  return !isAnswered
}
