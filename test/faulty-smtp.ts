import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { SMTPServerOptions } from 'smtp-server'
import { type Smtp, startSmtp } from './smtp.ts'

/** How far the dialogue has come: the client's next command, the greeting that it waits for, or the end of its message. */
export type Point = 'greeting' | 'EHLO' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'end of message'

/** Cuts the connection, sends no reply, or sends this one. At the end of a message, the server has received the mail. */
export type Fault = 'cut' | 'silence' | { reply: string }

export type FaultySmtp = Smtp & {
  /** Called at each point with the client's line. Returns the fault to cause, or undefined for none. */
  fault: (point: Point, line: string) => Fault | undefined
  /** Counts the connections so far. */
  connections: number
}

/** Starts a real SMTP server behind a proxy that causes faults in the dialogue. */
export async function startFaultySmtp(options: SMTPServerOptions = {}): Promise<FaultySmtp> {
  const real = await startSmtp({ disabledCommands: ['AUTH', 'STARTTLS'], hidePIPELINING: true, ...options })
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    smtp.connections += 1
    relay(client, connect(real.port, '127.0.0.1'))
  })
  const smtp: FaultySmtp = {
    ...real,
    port: 0,
    connections: 0,
    fault: () => undefined,
    stop: async () => {
      proxy.close()
      for (const socket of sockets) socket.destroy()
      await real.stop()
    },
  }
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  smtp.port = address && typeof address === 'object' ? address.port : 0
  return smtp

  function relay(client: Socket, server: Socket): void {
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    let fault = smtp.fault('greeting', '')
    const cause = (fault: Fault) => {
      if (fault === 'cut') client.destroy()
      else if (fault !== 'silence') client.write(`${fault.reply}\r\n`)
    }
    let isMessage = false
    onLines(client, (line) => {
      const point = isMessage && line === '.' ? 'end of message' : parsePoint(line)
      fault = isMessage && line !== '.' ? undefined : smtp.fault(point, line)
      if (isMessage && line === '.') isMessage = false
      else if (line === 'DATA' && !fault) isMessage = true
      if (!fault || point === 'end of message') server.write(`${line}\r\n`, 'latin1')
      else cause(fault)
    })
    server.on('data', (reply) => {
      if (fault) cause(fault)
      else client.write(reply)
    })
  }
}

function parsePoint(line: string): Point {
  const verb = line.slice(0, 4).toUpperCase()
  return (['EHLO', 'AUTH', 'MAIL', 'RCPT', 'DATA'] as const).find((point) => point === verb) ?? 'greeting'
}

function onLines(socket: Socket, each: (line: string) => void): void {
  let rest = ''
  socket.setEncoding('latin1').on('data', (text) => {
    const lines = (rest + text).split('\r\n')
    rest = lines.pop() ?? ''
    lines.forEach(each)
  })
}
