import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { SMTPServerOptions } from 'smtp-server'
import { type Smtp, startSmtp } from './smtp.ts'

/** How far the dialogue has come: what the client says next, or that it waits for the greeting, or ended its message. */
export type Point = 'greeting' | 'EHLO' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'end of message'

/** The connection is cut, nothing is answered, or this is. At the end of a message the server has it all the same. */
export type Fault = 'cut' | 'silence' | { reply: string }

export type FaultySmtp = Smtp & {
  /** What goes wrong, asked at each point with what the client said; nothing does where it answers undefined. */
  fault: (point: Point, line: string) => Fault | undefined
  /** How many connections there were. */
  connections: number
}

/** A real SMTP server behind something that spoils the dialogue as told. */
export async function startFaultySmtp(options: SMTPServerOptions = {}): Promise<FaultySmtp> {
  const real = await startSmtp({ disabledCommands: ['AUTH', 'STARTTLS'], hidePIPELINING: true, ...options })
  const sockets = new Set<Socket>()
  const between = createServer((client) => {
    smtp.connections += 1
    spoil(client, connect(real.port, '127.0.0.1'))
  })
  const smtp: FaultySmtp = {
    ...real,
    port: 0,
    connections: 0,
    fault: () => undefined,
    stop: async () => {
      between.close()
      for (const socket of sockets) socket.destroy()
      await real.stop()
    },
  }
  between.listen(0, '127.0.0.1')
  await once(between, 'listening')
  const address = between.address()
  smtp.port = address && typeof address === 'object' ? address.port : 0
  return smtp

  function spoil(client: Socket, server: Socket): void {
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.once('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    let fault = smtp.fault('greeting', '')
    const meet = (met: Fault) => {
      if (met === 'cut') client.destroy()
      else if (met !== 'silence') client.write(`${met.reply}\r\n`)
    }
    let isMessage = false
    linesOf(client, (line) => {
      const point = isMessage && line === '.' ? 'end of message' : pointOf(line)
      fault = isMessage && line !== '.' ? undefined : smtp.fault(point, line)
      if (isMessage && line === '.') isMessage = false
      else if (line === 'DATA' && !fault) isMessage = true
      if (!fault || point === 'end of message') server.write(`${line}\r\n`, 'latin1')
      else meet(fault)
    })
    server.on('data', (reply) => {
      if (fault) meet(fault)
      else client.write(reply)
    })
  }
}

function pointOf(line: string): Point {
  const verb = line.slice(0, 4).toUpperCase()
  return (['EHLO', 'AUTH', 'MAIL', 'RCPT', 'DATA'] as const).find((point) => point === verb) ?? 'greeting'
}

function linesOf(socket: Socket, each: (line: string) => void): void {
  let rest = ''
  socket.setEncoding('latin1').on('data', (text) => {
    const lines = (rest + text).split('\r\n')
    rest = lines.pop() ?? ''
    lines.forEach(each)
  })
}
