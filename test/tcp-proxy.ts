import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A proxy whose connections can be cut, refused, or silently dropped. */
export type TcpProxy = {
  port: number
  mode: 'open' | 'closed' | 'silent'
  /** Cuts the open connections. */
  cut: () => void
  stop: () => Promise<void>
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    if (proxy.mode === 'closed') return void near.destroy()
    const far = connect(target.port, target.host)
    forward(near, far)
    forward(far, near)
  })
  const proxy: TcpProxy = {
    port: 0,
    mode: 'open',
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    stop: async () => {
      proxy.cut()
      server.close()
      await once(server, 'close')
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  proxy.port = address && typeof address === 'object' ? address.port : 0
  return proxy

  function forward(from: Socket, to: Socket): void {
    sockets.add(from)
    from.on('error', () => {})
    from.on('data', (bytes) => {
      if (proxy.mode !== 'silent') to.write(bytes)
    })
    from.once('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }
}
